package txn

import (
	"time"

	"gatehouse/sip/msg"
)

// Client is one request of ours. It is made by Table.NewClient or Table.Cancel and owned by the goroutine of its table.
type Client struct {
	Owner any // the user's handle, read back on events
	Dest  any // where to send, opaque here; the ACK of a refusal and the CANCEL go there too (RFC 3261 §17.1.1.2, §9.1)

	schedule
	life
	branch      string
	raw         []byte // the request; of a refused INVITE its ACK
	method      msg.Method
	provisional bool
	sent        bool // what raw holds
}

// clientKey is what a response names its transaction by (RFC 3261 §17.1.3).
type clientKey struct {
	branch string
	method msg.Method
}

// Branch is the top Via branch of the request.
func (c *Client) Branch() string { return c.branch }

// Method is the method of the request.
func (c *Client) Method() msg.Method { return c.method }

// Request is the request as sent; nil once a final response came, or the transaction ended.
func (c *Client) Request() []byte {
	switch c.state {
	case idle, calling, trying, proceeding:
		return c.raw
	case completed, confirmed, accepted, terminated:
		return nil
	}
	return nil
}

// GotProvisional says whether a provisional response came, which a CANCEL has to wait for (RFC 3261 §9.1).
func (c *Client) GotProvisional() bool { return c.provisional }

// Done says whether the transaction has ended.
func (c *Client) Done() bool { return c.state == terminated }

// Cancelled says whether a CANCEL was sent for this INVITE.
func (c *Client) Cancelled() bool { return c.cancelled }

// State names where the transaction stands, for traces.
func (c *Client) State() string { return c.state.String() }

// Why names what brought it there, for traces.
func (c *Client) Why() string { return c.why.String() }

// NewClient enters and starts a client transaction. raw is the complete request, which nobody changes afterwards, and
// branch its top Via branch, which no other live transaction of that method has. An ACK is no transaction (RFC 3261
// §17): it is transmitted and Done at once.
func (t *Table) NewClient(method msg.Method, branch string, raw []byte, reliable bool, tm Timers, owner, dest any, now time.Time, out []Event) (*Client, []Event) {
	c := &Client{Owner: owner, Dest: dest, branch: branch, raw: raw, method: method}
	c.life = life{tm: tm.usable(), reliable: reliable}
	c.entry.Value = wake{client: c}
	if method == msg.ACK {
		c.to(terminated, whySent)
		return c, append(out, Event{Kind: Transmit, Client: c, Method: method, Raw: raw})
	}
	t.clients[clientKey{branch, method}] = c
	_, out = t.stepClient(c, inStart, nil, now, out)
	return c, out
}

// Response finds the transaction of a response and gives it the response. deliver tells whether the response is for
// the transaction's user: provisional responses, the first final response, and every 2xx to an INVITE (RFC 6026
// §7.2). Otherwise it was absorbed, and c is nil when no transaction has it. A refused INVITE is acknowledged here.
func (t *Table) Response(m *msg.Message, now time.Time, out []Event) (c *Client, deliver bool, ev []Event) {
	c = t.FindClient(m)
	if c == nil {
		return nil, false, out
	}
	in, valid := classify(m.Status())
	if !valid {
		return c, false, out
	}
	deliver, out = t.stepClient(c, in, m, now, out)
	return c, deliver, out
}

// FindClient gives the client transaction a response names, nil when there is
// none, without giving it the response.
func (t *Table) FindClient(m *msg.Message) *Client {
	if m.IsRequest() {
		return nil
	}
	return t.clients[clientKey{string(m.TopVia().Branch), m.Method()}]
}

// TransportError tells the client transaction of this branch and method that a message of it could not be sent. c is
// nil when there is none. A transaction without a final response fails: TransportFailed, then Terminated. The ACK of
// a refusal that could not be sent ends its INVITE's transaction.
func (t *Table) TransportError(branch string, method msg.Method, now time.Time, out []Event) (c *Client, ev []Event) {
	if method == msg.ACK {
		method = msg.INVITE
	}
	c = t.clients[clientKey{branch, method}]
	if c != nil {
		_, out = t.stepClient(c, inUnsent, nil, now, out)
	}
	return c, out
}

// Cancel sends a CANCEL for the INVITE of c in a transaction of its own, which belongs to cancelBranchOwner, and gives
// up the INVITE 64*T1 later when no final response came (RFC 3261 §9.1). extraHeaders are whole "Name: value" lines;
// if one of them cannot be written the CANCEL goes without them. The result is nil, and nothing happens, when
// there is nothing to cancel: no provisional response yet, a final one already, a CANCEL sent before, not an INVITE.
func (t *Table) Cancel(c *Client, cancelBranchOwner any, extraHeaders []string, now time.Time, out []Event) (*Client, []Event) {
	if c.method != msg.INVITE || c.state != proceeding || c.cancelled {
		return nil, out
	}
	raw, err := t.buildCancel(c.raw, extraHeaders)
	if err != nil {
		raw, err = t.buildCancel(c.raw, nil)
	}
	if err != nil {
		raw = nil // an INVITE of ours that we cannot read: the deadline below still ends it
	}
	_, out = t.stepClient(c, inCancel, nil, now, out)
	if raw == nil {
		return nil, out
	}
	return t.NewClient(msg.CANCEL, c.branch, raw, c.reliable, c.tm, cancelBranchOwner, c.Dest, now, out)
}

// DropClient takes c out of the table with no event and no message, for a user that is gone.
func (t *Table) DropClient(c *Client) {
	if !c.Done() {
		c.to(terminated, whyDropped)
		t.forgetClient(c)
	}
}

// stepClient gives c an input and carries out what its machine wants. m is the response at hand, if any.
func (t *Table) stepClient(c *Client, in input, m *msg.Message, now time.Time, out []Event) (deliver bool, ev []Event) {
	if c.method == msg.INVITE {
		t.acts = clientInvite{&c.life}.step(in, now, t.acts[:0])
	} else {
		t.acts = clientRequest{&c.life}.step(in, now, t.acts[:0])
	}
	for _, a := range t.acts {
		switch a.kind {
		case actSend:
			out = c.transmit(out)
		case actForget:
			c.raw = nil
		case actACK:
			c.raw, c.sent = t.ackFor(c.raw, m), false
			out = c.transmit(out)
		case actDeliver:
			deliver = true
		case actArm:
			c.due[a.slot] = a.at
		case actStop:
			c.due[a.slot] = time.Time{}
		case actTimeout:
			out = append(out, Event{Kind: Timeout, Client: c, Method: c.method, Code: codeTimeout})
		case actFail:
			out = append(out, Event{Kind: TransportFailed, Client: c, Method: c.method, Code: codeUnsent})
		case actDone:
			t.forgetClient(c)
			return deliver, append(out, Event{Kind: Terminated, Client: c, Method: c.method})
		case actRelay, actKeep, actTrying: // of servers
		}
	}
	if in == in100 || in == in1xx {
		c.provisional = true
	}
	t.plan(&c.schedule)
	return deliver, out
}

// transmit asks to send what c keeps. Nothing is kept when an ACK could not be made.
func (c *Client) transmit(out []Event) []Event {
	if c.raw == nil {
		return out
	}
	method := c.method
	if method == msg.INVITE && c.state == completed {
		method = msg.ACK
	}
	repeat := c.sent
	c.sent = true
	return append(out, Event{Kind: Transmit, Client: c, Method: method, Repeat: repeat, Raw: c.raw})
}

func (t *Table) forgetClient(c *Client) {
	t.rest(&c.schedule)
	c.raw = nil
	k := clientKey{c.branch, c.method}
	if t.clients[k] == c {
		delete(t.clients, k)
	}
}
