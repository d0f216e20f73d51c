package crossing

import "strconv"

// The warn-codes of RFC 5630 §9 for requests whose URI scheme asks for another
// transport than there is.
const (
	WarnSIPSNotAllowed = 380
	WarnSIPSRequired   = 381
)

// Warning makes a Warning header of ours (RFC 3261 §20.43). text is ASCII
// without quotes.
func Warning(code int, text string) Header {
	return Header{Name: "Warning", Value: strconv.Itoa(code) + ` gatehouse "` + text + `"`}
}
