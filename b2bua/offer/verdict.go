package offer

// Warning codes of RFC 3261 §20.43 that a refused description carries; warnNone stands for an accepted line.
const (
	warnNone      = 0
	warnTransport = 302
	warnMedia     = 304
	warnFormat    = 305
	warnOther     = 399
)

// notAcceptable is the status of a refused offer (RFC 3261 §21.4.26).
const notAcceptable = 488

// verdict collects what became of the active lines of a description.
type verdict struct {
	accepted bool
	first    int // warning of the first line we had to refuse
}

func (v *verdict) add(warning int) {
	switch {
	case warning == warnNone:
		v.accepted = true
	case v.first == warnNone:
		v.first = warning
	}
}

// refusal gives what the description deserves when no line was accepted and at least one refused by us.
func (v *verdict) refusal() *Refusal {
	if v.accepted || v.first == warnNone {
		return nil
	}
	text := "Media type not available"
	switch v.first {
	case warnTransport:
		text = "Incompatible transport protocol"
	case warnFormat:
		text = "Incompatible media format"
	}
	return &Refusal{Code: notAcceptable, Warning: v.first, Text: text}
}
