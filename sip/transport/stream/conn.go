package stream

import (
	"crypto/x509"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/sip/msg"
	"gatehouse/sip/transport/ws"
)

// Owner is told what happens on a connection, on its goroutines. It must not block, and may call the connection's
// methods but those of its reader.
type Owner interface {
	// Message takes one message, whose bytes are good until it returns. An error ends the connection, after what is
	// queued was written.
	Message(raw []byte, f msg.Framing) error
	// Unframed takes the complete lines of a message whose end cannot be known, and what a request deserves for it;
	// afterwards the connection ends.
	Unframed(head []byte, code int, reason string)
	// Ping reports a keep-alive and says whether to answer it.
	Ping() bool
	// Dropped reports, before the connection ends, why it will.
	Dropped(r Reason)
	// Sent and Failed report what became of an Outgoing: one of them, once.
	Sent(o Outgoing)
	Failed(o Outgoing, err error)
}

// Outgoing is what waits to be written.
type Outgoing struct {
	Raw    []byte
	Branch string
	Method msg.Method
	ours   bool // a keep-alive, which is nobody's business
}

// Budget bounds the bytes that wait on many connections together.
type Budget struct{ used atomic.Int64 }

// Used is how many bytes wait.
func (b *Budget) Used() int64 { return b.used.Load() }

// state is the life of a connection; it only moves forward.
type state uint8

const (
	opening state = iota // being opened by us, or in its handshake; messages wait in the queue
	open
	ending // takes no more messages; what is queued is still written
	closed // cut; what is queued is reported as failed
)

// Options are what a connection is made of; all fields are needed.
type Options struct {
	Owner  Owner
	Limits *Limits
	Dialed bool // by us
	Budget *Budget
	Share  int // of the budget: the connection adds nothing once so many bytes wait
}

// Conn is one connection. Its reader owns its end.
type Conn struct {
	o      Options
	opened time.Time // when it was accepted or began to be opened
	in     inbox     // the reader's

	// Set before the connection is open, never changed.
	nc   net.Conn // what is read and written: sock, or TLS over it
	ws   *ws.Conn // over nc; nil unless a WebSocket connection
	leaf *x509.Certificate

	beats sync.WaitGroup // runs of the keep-alive timer; Add only under mu while open

	mu      sync.Mutex // leaf: guards all below
	sock    *socket    // nil until there is one
	state   state
	cause   error // why it ended
	endBy   time.Time
	heart   heart
	queue   []Outgoing
	spare   []Outgoing
	bytes   int           // in queue and in the batch being written
	writing bool          // the writer runs
	flushed chan struct{} // closed by the writer when it stops; nil unless somebody waits
}

// New makes a connection that has no socket yet.
func New(o Options) *Conn { return &Conn{o: o, opened: time.Now()} }

// Attach gives an opening connection its socket; false when it was cut meanwhile.
func (c *Conn) Attach(nc net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != opening {
		return false
	}
	c.sock = &socket{Conn: nc, timeout: c.o.Limits.Write}
	return true
}

// Open reports whether the connection takes messages.
func (c *Conn) Open() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state < ending
}

// Leaf is the certificate of the remote, verified; nil when it showed none.
func (c *Conn) Leaf() *x509.Certificate { return c.leaf }

// setOpen puts the connection in service; an error when it was cut meanwhile.
func (c *Conn) setOpen() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != opening {
		return ErrEnded
	}
	c.state = open
	c.startWriterLocked()
	if c.o.Dialed {
		c.startHeartLocked()
	}
	return nil
}

// End lets the connection finish: no more messages are taken, the queue is written for at most Limits.Flush, then the
// reader closes the connection.
func (c *Conn) End(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.state {
	case opening:
		c.killLocked(cause)
	case open:
		c.endLocked(cause)
		_ = c.sock.SetReadDeadline(time.Now()) // wakes the reader
	case ending, closed:
	}
}

// finish is End as the reader does it; it waits until the queue is written.
func (c *Conn) finish(cause error) {
	c.mu.Lock()
	if c.state == open {
		c.endLocked(cause)
	}
	var wait chan struct{}
	if c.writing {
		wait = make(chan struct{})
		c.flushed = wait
	}
	c.mu.Unlock()
	if wait != nil {
		<-wait
	}
}

func (c *Conn) endLocked(cause error) {
	c.state, c.cause = ending, cause
	c.endBy = time.Now().Add(c.o.Limits.Flush)
	c.sock.lastWrites(c.endBy)
	c.heart.stop()
}

// Kill cuts the connection.
func (c *Conn) Kill(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killLocked(cause)
}

func (c *Conn) killLocked(cause error) {
	if c.state == closed {
		return
	}
	if c.cause == nil {
		c.cause = cause
	}
	c.state = closed
	c.heart.stop()
	if c.sock != nil {
		_ = c.sock.Close() // of the network's socket, which does not wait
	}
}

// Cause is why the connection ended; nil while it has not.
func (c *Conn) Cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// cut reports whether the connection was killed.
func (c *Conn) cut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == closed
}

// readBy sets until when the reader waits; false when the connection is not open any more.
func (c *Conn) readBy(t time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != open {
		return false
	}
	_ = c.sock.SetReadDeadline(t)
	return true
}
