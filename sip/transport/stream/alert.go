package stream

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
)

// aboutUs reports whether the remote ended a TLS handshake because of our certificate, or because it changed its mind:
// no offence, whoever does it (RFC 8446 §6).
func aboutUs(err error) bool {
	var remote *net.OpError
	if !errors.As(err, &remote) || remote.Op != "remote error" || remote.Err == nil {
		return false
	}
	// The library does not export the type of an alert that came by TCP, but it reads like the one that it exports.
	text := remote.Err.Error()
	return slices.ContainsFunc(alertsAboutUs(), func(a tls.AlertError) bool { return a.Error() == text })
}

// alertsAboutUs are close_notify, bad_certificate to certificate_unknown, unknown_ca, user_canceled and
// unrecognized_name.
func alertsAboutUs() []tls.AlertError { return []tls.AlertError{0, 42, 43, 44, 45, 46, 48, 90, 112} }
