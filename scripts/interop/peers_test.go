//go:build interop

package interop

import "testing"

// The peers among themselves, without us: what fails here is the laboratory's fault.

func TestPeers_SIPp_CallEachOther(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, caller, callee string }{
		{"answered", callerAnswered(), calleeAnswers()},
		{"hold and resume", callerHolds("sendonly", "recvonly"), calleeIsHeld("sendonly", "recvonly")},
		{"callee holds", callerIsHeld(), calleeHolds()},
		{"callee ends", callerIsEnded(), calleeEnds()},
		{"cancelled", callerCancels(), calleeIsCancelled()},
		{"refused", callerIsRefused(486), calleeRefuses(486, "Busy Here", "")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, b := sipPort(host(t)), sipPort(host(t))
			uas := callee(t, tt.callee, b, 1)
			uac := caller(t, tt.caller, a, b, 1)
			uac.wait()
			uas.wait()
		})
	}
}
