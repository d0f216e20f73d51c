//go:build !linux

package transport

import (
	"net/netip"
	"syscall"
)

// setListenOptions does nothing: free bind is a Linux option.
func setListenOptions(_, _ string, _ syscall.RawConn) error { return nil }

// setDialOptions does nothing: late port choice is a Linux option.
func setDialOptions(_, _ string, _ syscall.RawConn) error { return nil }

// setDSCP does nothing.
func setDSCP(any, netip.Addr, uint8) error { return nil }
