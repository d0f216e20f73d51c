package dialog

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/sip/msg"
)

func message(t *testing.T, start string, lines ...string) *msg.Message {
	t.Helper()
	head := []string{start, "Via: SIP/2.0/UDP 10.0.0.20;branch=z9hG4bK1", "Call-ID: c1", "CSeq: 1 INVITE", "From: <sip:100@10.0.0.20>;tag=fromTag", "To: <sip:x@10.0.0.1>;tag=toTag"}
	m := new(msg.Message)
	if err := m.Parse([]byte(strings.Join(append(head, lines...), "\r\n")+"\r\nContent-Length: 0\r\n\r\n"), msg.Datagram); err != nil {
		t.Fatal(err)
	}
	return m
}

const (
	request  = "INVITE sip:x@10.0.0.1 SIP/2.0"
	response = "SIP/2.0 200 OK"
)

func TestDialog_Accept_OnlyHigherNumbersAndAnyGap(t *testing.T) {
	var d Dialog
	for _, step := range []struct {
		seq  uint32
		want SeqVerdict
	}{{0, SeqNew}, {0, SeqOld}, {5, SeqNew}, {5, SeqOld}, {4, SeqOld}, {4000000000, SeqNew}, {6, SeqOld}} {
		if got := d.Accept(step.seq); got != step.want {
			t.Errorf("after %d: CSeq %d gives %v, want %v", d.RemoteSeq(), step.seq, got, step.want)
		}
	}
}

func TestDialog_NextSeq_RisesByOneFromTheFirstRequest(t *testing.T) {
	var d Dialog
	d.SetLocalSeq(41)
	if a, b := d.NextSeq(), d.NextSeq(); a != 42 || b != 43 || d.LocalSeq() != 43 {
		t.Errorf("%d, %d, then %d", a, b, d.LocalSeq())
	}
}

func TestDialog_Matches_CallIDAndBothTags(t *testing.T) {
	m := message(t, request)
	d := Dialog{CallID: "c1", LocalTag: "toTag", RemoteTag: "fromTag"}
	if !d.Matches(m) {
		t.Error("the dialog does not match its own request")
	}
	for _, other := range []Dialog{
		{CallID: "C1", LocalTag: "toTag", RemoteTag: "fromTag"}, {CallID: "c1", LocalTag: "toTag2", RemoteTag: "fromTag"},
		{CallID: "c1", LocalTag: "toTag", RemoteTag: ""}, {CallID: "c1", LocalTag: "fromTag", RemoteTag: "toTag"},
	} {
		if other.Matches(m) {
			t.Errorf("%+v matches", other)
		}
	}
}

func TestDialog_Routing_LooseStrictAndNone(t *testing.T) {
	const target = "sip:b@203.0.113.20"
	for _, tc := range []struct {
		name   string
		set    []string
		uri    string
		routes []string
		hop    string
	}{
		{"none", nil, target, nil, target},
		{"loose", []string{"<sip:p1;lr>", "<sip:p2>"}, target, []string{"<sip:p1;lr>", "<sip:p2>"}, "sip:p1;lr"},
		{"loose with a value", []string{"<sip:p1;lr=on>;x=1"}, target, []string{"<sip:p1;lr=on>;x=1"}, "sip:p1;lr=on"},
		{"loose in capitals", []string{"<sip:p1;LR>"}, target, []string{"<sip:p1;LR>"}, "sip:p1;LR"},
		{"strict", []string{"<sip:p1;transport=tcp>", "<sip:p2;lr>"}, "sip:p1;transport=tcp", []string{"<sip:p2;lr>", "<" + target + ">"}, "sip:p1;transport=tcp"},
		{"strict alone", []string{"\"P, 1\" <sip:p1>"}, "sip:p1", []string{"<" + target + ">"}, "sip:p1"},
		{"lr outside the URI is no lr", []string{"<sip:p1>;lr"}, "sip:p1", []string{"<" + target + ">"}, "sip:p1"},
		{"strict with what no request line has", []string{"<sip:p1;method=INVITE;x?Subject=y>"}, "sip:p1;x", []string{"<" + target + ">"}, "sip:p1;x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := Dialog{RouteSet: tc.set, RemoteTarget: target}
			before := slices.Clone(tc.set)
			uri, routes := d.Routing()
			if uri != tc.uri || !slices.Equal(routes, tc.routes) || d.NextHop() != tc.hop {
				t.Errorf("%s by %q through %s", uri, routes, d.NextHop())
			}
			if !slices.Equal(d.RouteSet, before) {
				t.Errorf("the route set became %q", d.RouteSet)
			}
		})
	}
}

func TestRouteSet_InOrderAsUASReversedAsUAC(t *testing.T) {
	lines := []string{"Record-Route: <sip:p3;lr>, \"a, b\" <sip:p2;lr>;x=\",\"", "Record-Route: <sip:p1;lr>"}
	want := []string{"<sip:p3;lr>", "\"a, b\" <sip:p2;lr>;x=\",\"", "<sip:p1;lr>"}
	if got := RouteSetUAS(message(t, request, lines...)); !slices.Equal(got, want) {
		t.Errorf("UAS: %q", got)
	}
	slices.Reverse(want)
	if got := RouteSetUAC(message(t, response, lines...)); !slices.Equal(got, want) {
		t.Errorf("UAC: %q", got)
	}
	if got := RouteSetUAC(message(t, response)); got != nil {
		t.Errorf("no Record-Route gives %q", got)
	}
}

func TestTarget_IsAURIForARequestLine(t *testing.T) {
	for _, tc := range []struct{ contact, want string }{
		{"<sip:b@203.0.113.20:5060;transport=TCP;Ob>;expires=5", "sip:b@203.0.113.20:5060;transport=TCP;Ob"},
		{"sip:B@Host.Example;x=1", "sip:B@Host.Example"}, // without brackets they are Contact parameters
		{"<sip:B@Host.Example;x=%41>", "sip:B@Host.Example;x=%41"},
		{"<sip:b@host;method=INVITE;x=1;Method=BYE?Subject=y>", "sip:b@host;x=1"},
		{"<sip:b@[2001:db8::1]:5070?a=b>", "sip:b@[2001:db8::1]:5070"},
		{"<sips:b@host>", "sips:b@host"},
		{"<tel:+1>", ""}, {"<mailto:a@b>", ""}, {"*", ""},
	} {
		d := Dialog{RemoteTarget: "before"}
		m := message(t, response, "Contact: "+tc.contact)
		got, ok := Target(m)
		if got != tc.want || ok != (tc.want != "") {
			t.Errorf("%s: %q %v, want %q", tc.contact, got, ok, tc.want)
		}
		d.UpdateTarget(m)
		if ok && d.RemoteTarget != tc.want || !ok && d.RemoteTarget != "before" {
			t.Errorf("%s: target became %q", tc.contact, d.RemoteTarget)
		}
	}
	if _, ok := Target(message(t, response)); ok {
		t.Error("no Contact gives a target")
	}
}
