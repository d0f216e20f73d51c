package ws

import (
	"io"
	"net"
)

// wire is the connection below: it bounds what the opening handshake may read, and remembers that nothing more comes.
type wire struct {
	net.Conn
	left    int   // bytes that may be read; -1: all
	pending error // came with bytes, and is given when more are asked for
	over    error // was given
}

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	if w.pending != nil {
		w.over = w.pending
		return 0, w.over
	}
	if w.left == 0 {
		return 0, io.EOF
	}
	if w.left > 0 {
		p = p[:min(len(p), w.left)]
	}
	n, err := w.Conn.Read(p)
	if w.left > 0 {
		w.left -= n
	}
	if n > 0 {
		w.pending, err = err, nil
	}
	w.over = err
	return n, err
}
