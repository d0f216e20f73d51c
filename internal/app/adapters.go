package app

import (
	"sync/atomic"

	"gatehouse/b2bua"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

// handler stands between the transport and the engine, which need each other
// to be made: the engine is put in before the first listener opens.
type handler struct {
	engine atomic.Pointer[b2bua.Engine]
	admit  *admission
}

// Receive implements transport.Handler.
func (h *handler) Receive(in *transport.Inbound) {
	if h.admit.scanner(in) {
		in.Release()
		return
	}
	h.engine.Load().Receive(in)
}

// SendFailed implements transport.Handler.
func (h *handler) SendFailed(branch string, method msg.Method, err error) {
	h.engine.Load().SendFailed(branch, method, err)
}

// ConnLost implements transport.Handler.
func (h *handler) ConnLost(c *transport.Conn, err error) { h.engine.Load().ConnLost(c, err) }
