// Package msg reads and writes SIP messages (RFC 3261 §7).
//
// Reading is lossless: one pass indexes the raw bytes, and header order, spelling, folding and unknown fields survive
// into AppendTo. A Message is reused from one message to the next and then allocates nothing. Parse is also the gate:
// it refuses, with the status code the sender deserves, whatever two implementations could read differently.
//
// Decisions where the RFCs leave room or the field is untidy:
//   - A header line ends with CRLF. A bare CR or LF is 400, never a line end, because peers disagree about it.
//   - Header names are tokens; SP and TAB may stand before the colon, nothing else may.
//   - Control bytes are refused in values, except TAB, and quoted pairs inside a quoted string (RFC 3261 §25.1).
//   - A field that decides how a message is handled and may occur once must occur once.
//   - Content-Length is digits only. A datagram shorter than it says is refused, one longer is cut.
//   - Empty lines before the start line are skipped (RFC 3261 §7.5).
//
// Writing goes through Builder, or through AppendTo after edits. Both refuse CR, LF, NUL and every other control byte
// except TAB, so no value can become a header field of its own.
//
// Bodies are bytes here; sip/mime finds the parts of one. The lexical rules are those of sip/grammar.
//
// The package knows no sockets, no clock and no calls. A Message, a Builder and a ReplyHead belong to one goroutine at
// a time. sip/transport parses; everything above reads and builds.
package msg
