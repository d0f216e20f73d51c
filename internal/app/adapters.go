package app

import (
	"net/netip"
	"sync/atomic"

	"gatehouse/b2bua"
	"gatehouse/policy/engine"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

// handler stands between the transport and the engine, which need each other
// to be made: the engine is put in before the first listener opens.
type handler struct{ engine atomic.Pointer[b2bua.Engine] }

// Receive implements transport.Handler.
func (h *handler) Receive(in *transport.Inbound) { h.engine.Load().Receive(in) }

// SendFailed implements transport.Handler.
func (h *handler) SendFailed(branch string, method msg.Method, err error) {
	h.engine.Load().SendFailed(branch, method, err)
}

// admission asks the policy snapshot in force.
type admission struct{ snapshot *engine.Snapshot }

// Admit implements transport.Admission.
func (a admission) Admit(zone string, src netip.Addr) transport.Standing {
	switch a.snapshot.Admit(zone, src) {
	case engine.Known:
		return transport.Known
	case engine.Stranger:
		return transport.Stranger
	case engine.Silent:
	}
	return transport.Silent
}
