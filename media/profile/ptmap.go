package profile

const (
	// PayloadTypes is the number of RTP payload types: the field has seven bits (RFC 3550 §5.1).
	PayloadTypes = 128
	// Unmapped marks a payload type that is dropped: no payload type has this value.
	Unmapped = 0xff
)

// PTMap translates payload types of one direction: To[in] is what goes out, Unmapped drops the packet.
type PTMap struct {
	To [PayloadTypes]uint8
}

// NewPTMap gives a map that drops every payload type.
func NewPTMap() *PTMap {
	m := new(PTMap)
	for i := range m.To {
		m.To[i] = Unmapped
	}
	return m
}

// Map gives the payload type that goes out for in; ok is false when such packets are dropped.
func (m *PTMap) Map(in uint8) (out uint8, ok bool) {
	if m == nil {
		return in, in < PayloadTypes
	}
	if in >= PayloadTypes {
		return Unmapped, false
	}
	out = m.To[in]
	return out, out != Unmapped
}

// Set makes in go out as out. Values outside the seven bits are ignored.
func (m *PTMap) Set(in, out uint8) {
	if in < PayloadTypes && out < PayloadTypes {
		m.To[in] = out
	}
}

// Identity says that every payload type that passes at all keeps its number.
func (m *PTMap) Identity() bool {
	if m == nil {
		return true
	}
	for in, out := range m.To {
		if out != Unmapped && int(out) != in {
			return false
		}
	}
	return true
}
