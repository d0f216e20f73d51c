package offer

import (
	"errors"
	"fmt"
)

// ErrBadAnswer says that a peer's answer does not fit our offer: number, order or kind of its m-lines.
var ErrBadAnswer = errors.New("answer does not fit the offer")

// ErrOrder says that an offer or answer was handed over that the state of the exchange does not allow.
var ErrOrder = errors.New("offer/answer out of order")

// Refusal is the verdict that a description leaves nothing in common: the offer deserves Code (488) with a Warning.
type Refusal struct {
	Code    int    // SIP status: 488
	Warning int    // RFC 3261 §20.43: 302 transport protocol, 304 media type, 305 media format, 399 anything else
	Text    string // warn-text, ASCII, safe on the wire
}

// Error gives code and text.
func (r *Refusal) Error() string {
	return fmt.Sprintf("%d: warning %d: %s", r.Code, r.Warning, r.Text)
}
