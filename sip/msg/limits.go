package msg

// Bounds of what one message may hold. A message beyond any of them is refused, never cut.
const (
	// MaxMessageBytes is the largest message read, the most a UDP datagram can hold rounded up (bytes).
	MaxMessageBytes = 65535
	// MaxHeaderBytes is the largest header line, name, folding and line end included (bytes). Large enough for a
	// STIR Identity value with a chain reference and for long Record-Route lines.
	MaxHeaderBytes = 8192
	// MaxHeaders is the number of header lines of one message. The longest seen in the field have about 60.
	MaxHeaders = 200
	// MaxVias is the number of Via values over all lines: the hops of Max-Forwards 70 (RFC 3261 §8.1.1.6).
	MaxVias = 70
	// MaxMaxForwards is the largest Max-Forwards (RFC 3261 §20.22).
	MaxMaxForwards = 255
)
