// Package grammar holds the lexical rules that every reader of SIP text needs (RFC 3261 §25.1): which bytes make a
// token, where a header line, a list value, a parameter or a quoted string ends, and how ASCII text is compared. One
// copy of them means that a message, a body part and a stream are never cut at different places.
//
// It knows no header field, no message and no body, and it judges nothing: what to do with text that breaks a rule is
// its caller's business. Functions take bytes in place, give back slices of them and allocate nothing; Unfold appends
// to what it is given.
//
// All functions are pure and may be called from any goroutine. sip/msg, sip/mime, sip/txn and sip/transport call them;
// it is a leaf and imports none of ours.
package grammar
