// Package mime reads the multipart bodies of SIP messages (RFC 5621, RFC 2046 §5.1): it finds the leaf parts, so that a
// session description can be found wherever it is nested.
//
// It reads strictly and refuses what two implementations could read differently: a multipart body without boundary,
// part or closing delimiter, a part with malformed header fields, or one beyond the limits of this package. A bare LF
// ends a line here, since nothing outside the body is cut by it. It decodes no content and no transfer encoding, and
// whether a part is one we must understand is for the caller to judge, from Part.Required.
//
// Bytes in, values out: no sockets, no clock, no logger. Functions may be called from any goroutine. b2bua/call calls
// it; of ours it imports sip/grammar alone.
package mime
