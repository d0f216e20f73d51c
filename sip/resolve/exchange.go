package resolve

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

const (
	// datagramBytes is what we read of a datagram: more than we say we take, for servers that do not listen. One that
	// fills it may be cut off, and is asked again over TCP.
	datagramBytes = 4096
	// maxStray is how many datagrams that do not answer the question may come before we take it that somebody guesses
	// at our ids, and ask over TCP.
	maxStray = 16
	// headerBytes is the head of a DNS message (RFC 1035 §4.1.1).
	headerBytes = 12
)

var (
	// errUnfit means that the answer did not come whole in a datagram.
	errUnfit    = errors.New("answer does not fit a datagram")
	errMismatch = errors.New("reply is to another question")
)

// exchangeFunc sends a question to a server and gives the first reply that is accepted. It returns when ctx ends.
type exchangeFunc func(ctx context.Context, server netip.AddrPort, stream bool, query []byte, accept func(reply []byte) bool) ([]byte, error)

// exchange is the exchangeFunc of sockets: a new one, with a port of the kernel's choice, for every question.
func exchange(ctx context.Context, server netip.AddrPort, stream bool, query []byte, accept func([]byte) bool) ([]byte, error) {
	network, talk := "udp", overDatagrams
	if stream {
		network, talk = "tcp", overStream
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	// A deadline in the past ends whatever is going on.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	return talk(conn, query, accept)
}

// overDatagrams asks over UDP. The socket is connected: only the server's own address gets through.
func overDatagrams(conn net.Conn, query []byte, accept func([]byte) bool) ([]byte, error) {
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	buf := make([]byte, datagramBytes)
	for range maxStray {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		if accept(buf[:n]) {
			if n == len(buf) {
				return nil, errUnfit
			}
			return buf[:n], nil
		}
	}
	return nil, errUnfit
}

// overStream asks over TCP (RFC 1035 §4.2.2): a length of two bytes bounds the reply.
func overStream(conn net.Conn, query []byte, accept func([]byte) bool) ([]byte, error) {
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, fmt.Errorf("read length: %w", err)
	}
	reply := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, reply); err != nil {
		return nil, fmt.Errorf("read reply: %w", err)
	}
	if !accept(reply) {
		return nil, errMismatch
	}
	return reply, nil
}

// answers tells whether a reply is one to a query of ours: a response with its id and its question (RFC 5452 §9.1).
// A server that did not understand us may leave the question out.
func answers(reply, query []byte) bool {
	if len(reply) < headerBytes || reply[0] != query[0] || reply[1] != query[1] || reply[2]&0xf8 != 0x80 {
		return false
	}
	questions := binary.BigEndian.Uint16(reply[4:])
	if questions == 0 {
		return reply[3]&0x0f == dns.RcodeFormatError
	}
	end := headerBytes
	for query[end] != 0 {
		end += 1 + int(query[end])
	}
	end++ // the root's length; type and class follow
	if questions != 1 || len(reply) < end+4 || string(reply[end:end+4]) != string(query[end:end+4]) {
		return false
	}
	for i := headerBytes; i < end; i++ {
		if lower(reply[i]) != lower(query[i]) {
			return false
		}
	}
	return true
}

// lower leaves the length of a label alone: that is at most 63, below every letter.
func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		b += 'a' - 'A'
	}
	return b
}
