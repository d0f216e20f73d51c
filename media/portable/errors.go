package portable

import (
	"errors"
	"fmt"
	"syscall"
)

var (
	// ErrInUse says that another program has one of the two ports.
	ErrInUse = errors.New("port is in use")
	// ErrDescriptors says that the process or the system has no more file descriptors or memory for sockets.
	ErrDescriptors = errors.New("out of file descriptors or socket memory, raise the open files limit (RLIMIT_NOFILE)")
	// ErrClosed says that the relay was closed.
	ErrClosed = errors.New("media relay is closed")
)

// classify maps errors that callers act on; others stay.
func classify(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w (%w)", ErrInUse, err)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM):
		return fmt.Errorf("%w (%w)", ErrDescriptors, err)
	}
	return err
}
