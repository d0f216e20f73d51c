package b2bua_test

import (
	"strings"
	"testing"

	"gatehouse/b2bua"
	"gatehouse/sip/msg"
)

// claims is an INVITE with a request URI and headers.
func claims(t *testing.T, uri string, lines ...string) *msg.Message {
	t.Helper()
	text := "INVITE " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.20;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n" +
		strings.Join(append(lines, ""), "\r\n") + "Content-Length: 0\r\n\r\n"
	m := &msg.Message{}
	if err := m.Parse([]byte(text), msg.Datagram); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return m
}

func TestB050_Emergency_IsWhatClaimsToComeBeforeOthers(t *testing.T) {
	const plain = "sip:+13125550100@10.0.0.1"
	for _, tc := range []struct {
		uri   string
		lines []string
		want  bool
	}{
		{plain, nil, false},
		{"urn:service:sos", nil, true},
		{"URN:Service:SOS", nil, true},
		{"urn:service:sos.fire", nil, true},
		{"urn:service:sosage", nil, false},
		{"urn:service:counseling", nil, false},
		{"sip:sos@10.0.0.1", nil, false},
		{plain, []string{"Priority: emergency"}, true},
		{plain, []string{"Priority:  Emergency "}, true},
		{plain, []string{"Priority: urgent"}, false},
		{plain, []string{"Resource-Priority: esnet.1"}, true},
		{plain, []string{"Resource-Priority: ets.4"}, true},
		{plain, []string{"resource-priority: WPS.0"}, true},
		{plain, []string{"Resource-Priority: dsn.routine"}, false},
		{plain, []string{"Resource-Priority: dsn.flash"}, true},
		{plain, []string{"Resource-Priority: drsn.flash-override-override"}, true},
		{plain, []string{"Resource-Priority: drsn.Routine"}, false},
		{plain, []string{"Resource-Priority: q735.4"}, false},
		{plain, []string{"Resource-Priority: q735.0"}, true},
		{plain, []string{"Resource-Priority: dsn.routine, ets.2"}, true},
		{plain, []string{"Resource-Priority: dsn.routine", "Resource-Priority: wps.1"}, true},
		{plain, []string{"Resource-Priority: acme.1"}, false},
		{plain, []string{"Resource-Priority: ets"}, false},
		{plain, []string{"Resource-Priority: ets."}, false},
		{plain, []string{"X-Resource-Priority: ets.0"}, false},
	} {
		m := claims(t, tc.uri, tc.lines...)
		if got := b2bua.Emergency(m); got != tc.want {
			t.Errorf("%s with %q: %v", tc.uri, tc.lines, got)
		}
		if n := testing.AllocsPerRun(100, func() { b2bua.Emergency(m) }); n != 0 {
			t.Errorf("%s with %q: %v allocations", tc.uri, tc.lines, n)
		}
	}
}
