package call

import (
	"time"

	"gatehouse/b2bua/verdict"
	"gatehouse/sip/transport"
)

// flowGrace is how long a caller without a connection may stay away before what
// we do for it is given up: time to notice the loss and to connect again, well
// within the three minutes an INVITE may ring.
const flowGrace = 30 * time.Second

// Legs are the legs of the call that live; the second may be nil.
func (c *Call) Legs() [2]*Leg { return [...]*Leg{c.a, c.b} }

// Flow is the connection the leg's peer opened, the latest one; nil when it
// opened none.
func (l *Leg) Flow() *transport.Conn { return l.flow }

// FlowLost takes the end of a connection a leg's peer had opened. Before the
// answer a caller that nobody can open a connection to gets some time to come
// back; our responses to others go on a new connection (RFC 3261 §18.2.2,
// §17.2.4). After the answer the dialog waits for a request on a new connection,
// or for its media to fall silent: the loss of a connection is no BYE.
func (c *Call) FlowLost(l *Leg, conn *transport.Conn) {
	if l.flow == conn && l == c.a && c.phase == phaseSetup && !l.callable {
		c.env.Arm(&c.grace, c.env.Now().Add(flowGrace))
	}
}

// Moved takes a leg to another connection of its peer, over which a request of
// the dialog has come; to is where replies go on it.
func (c *Call) Moved(l *Leg, conn *transport.Conn, to transport.Dest) {
	l.flow = conn
	if l.hop.Proto().WebSocket() || l.hop.Dest.Conn != nil {
		l.hop.Dest = to
	}
	if l.server != nil {
		l.server.Dest = to
	}
	if l.answer.server != nil {
		l.answer.server.Dest = to
	}
	if ex := c.ex; ex != nil && ex.from == l {
		ex.server.Dest = to
	}
	if l == c.a {
		c.env.Disarm(&c.grace)
	}
}

// flowGone gives up a call in setup whose caller has not come back.
func (c *Call) flowGone() {
	if c.phase == phaseSetup {
		c.abandon(verdict.Failure{Code: 487, Cause: "caller's connection is gone", Silent: true}, nil, c.a)
	}
}

// PeerName is the configured name of who is at the other end of the leg.
func (l *Leg) PeerName() string { return l.peer.Name }
