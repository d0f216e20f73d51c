// Package secure makes TLS configurations for SIP out of PEM bytes, and reads the SIP domain identities of
// certificates (RFC 5922).
//
// It owns the checks a SIP element makes beyond those of the TLS library: whose certificate it is is decided by sip
// URIs and DNS names that match in full, so a wildcard proves nothing. It refuses what cannot work: a key that is not
// of its certificate, a CA file without certificates, a client that must show what nobody could verify.
//
// It reads no files, opens no sockets and starts no goroutines; what it returns is immutable and may be shared.
// The assembly makes servers and clients from the configuration; sip/transport asks for the identities of who is
// connected.
package secure
