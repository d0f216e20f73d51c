//go:build !linux

package transport

import "syscall"

// setListenOptions does nothing: free bind is a Linux option.
func setListenOptions(_, _ string, _ syscall.RawConn) error { return nil }

// setDialOptions does nothing: late port choice is a Linux option.
func setDialOptions(_, _ string, _ syscall.RawConn) error { return nil }
