// Package uri reads, writes and compares the URIs of SIP: sip and sips (RFC 3261 §19.1) and tel (RFC 3966). URIs of
// other schemes are well-formed to it and kept whole.
//
// It refuses what two parsers could read differently: an unescaped "@" twice, broken escapes, a colon where a port
// should be, host names that are almost an address, white space and control characters. It accepts what the field
// sends and nobody can misread: "#" in a user part, "_" in a host name, an empty parameter, and the three colons the
// RFC 3261 grammar allows by mistake in an IPv6 reference (RFC 5118 §4.10), which it writes as two.
//
// Values are plain data without locks, sockets or clocks. Everything that reads a message uses it, sip/msg first.
package uri
