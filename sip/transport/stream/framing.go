package stream

import (
	"bytes"

	"gatehouse/sip/grammar"
	"gatehouse/sip/msg"
)

// framer cuts a byte stream into SIP messages (RFC 3261 §7.5, §18.3). It trusts nothing it has not seen: memory grows
// with the bytes that arrived, never with a length somebody claims, and any doubt about where a message ends is an
// error after which the stream must be closed, since what follows could be somebody's body read as a message.
type framer struct {
	buf     []byte // buf[read:] is what arrived and was not consumed
	read    int
	scanned int  // from read: bytes known to hold no end of head
	line    int  // from read: where the line being read starts
	head    int  // length of the complete head with its empty line; 0 while incomplete
	total   int  // length of the whole message once the head is complete
	crlf    int  // line ends seen in a row between messages
	ping    bool // a double CRLF arrived since takePing
	pong    bool // a CRLF arrived since takePong
}

// frameError is a stream whose boundaries are lost: what a request deserves for it, and why the connection ends.
type frameError struct {
	code   int
	reason string
	kind   Reason
}

func (e *frameError) Error() string { return e.reason }

func errFraming(reason string) *frameError {
	return &frameError{codeBadRequest, reason, Unframed}
}

func errOversize() *frameError { return &frameError{codeTooLarge, "", TooLarge} }

// space gives room for the next read, at least one byte unless next would fail anyway.
func (f *framer) space() []byte {
	if f.read == len(f.buf) {
		f.read, f.buf = 0, f.buf[:0]
		if cap(f.buf) > keepBufferBytes {
			f.buf = nil
		}
	}
	if cap(f.buf) == 0 {
		f.buf = make([]byte, 0, firstBufferBytes)
	}
	if len(f.buf) == cap(f.buf) && f.read > 0 {
		f.buf = f.buf[:copy(f.buf, f.buf[f.read:])]
		f.read = 0
	}
	if len(f.buf) == cap(f.buf) {
		grown := make([]byte, len(f.buf), min(2*cap(f.buf), maxBufferBytes))
		copy(grown, f.buf)
		f.buf = grown
	}
	return f.buf[len(f.buf):cap(f.buf)]
}

// filled says that n bytes were read into what space gave.
func (f *framer) filled(n int) { f.buf = f.buf[:len(f.buf)+n] }

// partial reports whether a message has begun and not ended.
func (f *framer) partial() bool { return f.read < len(f.buf) }

// headDone reports whether the head of the message that has begun is complete.
func (f *framer) headDone() bool { return f.head > 0 }

// takePing reports, once, that the peer sent a keep-alive (RFC 5626 §3.5.1).
func (f *framer) takePing() bool {
	p := f.ping
	f.ping = false
	return p
}

// takePong reports, once, that the peer may have answered a keep-alive of ours (RFC 5626 §4.4.1).
func (f *framer) takePong() bool {
	p := f.pong
	f.pong = false
	return p
}

// next gives the next complete message, or nil when more bytes are needed. The slice is good until the next call of
// space. After an error the framer must not be used but for readable.
func (f *framer) next() ([]byte, *frameError) {
	if f.head == 0 {
		if f.scanned == 0 {
			f.skipCRLF()
		}
		if err := f.findHead(); err != nil {
			return nil, err
		}
	}
	if f.head == 0 || len(f.buf)-f.read < f.total {
		return nil, nil
	}
	raw := f.buf[f.read : f.read+f.total : f.read+f.total]
	f.read += f.total
	f.scanned, f.line, f.head, f.total = 0, 0, 0, 0
	return raw, nil
}

// skipCRLF drops line ends before a start line (RFC 3261 §7.5) and notices pings among them.
func (f *framer) skipCRLF() {
	for f.read < len(f.buf) {
		switch f.buf[f.read] {
		case '\r':
		case '\n':
			f.pong = true
			if f.crlf++; f.crlf == 2 {
				f.crlf, f.ping = 0, true
			}
		default:
			f.crlf = 0
			return
		}
		f.read++
	}
}

// findHead looks for the empty line on from where it last stopped, and reads the length once it is found.
func (f *framer) findHead() *frameError {
	data := f.buf[f.read:]
	for {
		i := bytes.IndexByte(data[f.scanned:], '\n')
		if i < 0 {
			f.scanned = len(data)
			if len(data) > msg.MaxMessageBytes {
				return errOversize()
			}
			return nil
		}
		end := f.scanned + i // of the line feed
		switch cr := bytes.IndexByte(data[f.line:end+1], '\r'); {
		case cr < 0 || f.line+cr != end-1:
			// A line feed or carriage return alone: others may see a line, even the end of the head, here.
			return errFraming("Bad Line End")
		case cr == 0:
			return f.sizeUp(data[:end+1])
		}
		f.line, f.scanned = end+1, end+1
	}
}

// sizeUp computes where the message ends from its complete head.
func (f *framer) sizeUp(head []byte) *frameError {
	n, err := contentLength(head)
	if err != nil {
		return err
	}
	if len(head)+n > msg.MaxMessageBytes {
		return errOversize()
	}
	f.head, f.total = len(head), len(head)+n
	return nil
}

// readable gives the complete lines of the message that failed, for the answer to it.
func (f *framer) readable() []byte {
	data := f.buf[f.read:]
	if f.line > 0 {
		return data[:min(f.line, msg.MaxMessageBytes)]
	}
	return nil
}

// contentLength reads the one Content-Length of a complete head. Stricter than the grammar on purpose: exactly one
// such line, digits only, so that no other element can read another length (RFC 3261 §18.3, §20.14).
func contentLength(head []byte) (int, *frameError) {
	length, found := 0, false
	for rest := head; len(rest) > 0; {
		line := rest[:grammar.NextLine(rest, 0).Next]
		rest = rest[len(line):]
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok || !isContentLength(bytes.TrimRight(name, " \t")) {
			continue
		}
		if found {
			return 0, errFraming("Repeated Content-Length")
		}
		n, err := parseLength(trimFolded(value))
		if err != nil {
			return 0, err
		}
		length, found = n, true
	}
	if !found {
		return 0, errFraming("Missing Content-Length")
	}
	return length, nil
}

// trimFolded removes white space and folding around a value; inside it they stay, and are not digits.
func trimFolded(v []byte) []byte { return bytes.Trim(v, " \t\r\n") }

func isContentLength(name []byte) bool {
	return bytes.EqualFold(name, []byte("Content-Length")) || len(name) == 1 && name[0]|0x20 == 'l'
}

// parseLength reads digits, and stops at the first that makes the length too large: there is nothing to overflow.
func parseLength(v []byte) (int, *frameError) {
	if len(v) == 0 {
		return 0, errFraming("Bad Content-Length")
	}
	n, over := 0, false
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, errFraming("Bad Content-Length")
		}
		if n = n*10 + int(c-'0'); n > msg.MaxMessageBytes {
			n, over = msg.MaxMessageBytes, true
		}
	}
	if over {
		return 0, errOversize()
	}
	return n, nil
}
