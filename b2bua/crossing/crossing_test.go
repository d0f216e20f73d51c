package crossing

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/config"
	"gatehouse/policy/engine"
	"gatehouse/sip/msg"
)

// message parses a message with some header lines of its own.
func message(t *testing.T, start string, lines ...string) *msg.Message {
	t.Helper()
	head := []string{start, "Via: SIP/2.0/UDP 10.0.0.20;branch=z9hG4bK1", "Call-ID: c1", "CSeq: 1 INVITE"}
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "From:") }) {
		head = append(head, "From: \"Ann\" <sip:100;x=1@10.0.0.20;user=phone>;tag=a", "To: <tel:+1-312-555-0100>")
	}
	m := new(msg.Message)
	if err := m.Parse([]byte(strings.Join(append(head, lines...), "\r\n")+"\r\nContent-Length: 0\r\n\r\n"), msg.Datagram); err != nil {
		t.Fatal(err)
	}
	return m
}

const (
	request  = "INVITE sip:x@10.0.0.1 SIP/2.0"
	response = "SIP/2.0 180 Ringing"
)

func TestCauseOfStatus_FollowsTheTable(t *testing.T) {
	// RFC 3398 §8.2.6.1, all of it; the second 504 there is a slip for 505.
	table := map[int]int{400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127, 415: 79,
		416: 127, 420: 127, 421: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17, 500: 41, 501: 79, 502: 38, 503: 41,
		504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1}
	for code := 300; code < 700; code++ {
		want, listed := table[code]
		if !listed {
			want = 31
		}
		if got := CauseOfStatus(code); got != want {
			t.Errorf("%d gives cause %d, want %d", code, got, want)
		}
	}
}

func TestStatusOfCause_FollowsTheTable(t *testing.T) {
	// RFC 3398 §7.2.4.1, all of it but 16, which no refusal has.
	table := map[int]int{1: 404, 2: 404, 3: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 23: 410, 26: 404, 27: 502, 28: 484,
		29: 501, 31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503, 65: 488, 70: 488, 79: 501, 87: 403, 88: 503,
		102: 504, 111: 500, 127: 500}
	for cause := range 256 {
		want, listed := table[cause]
		if !listed {
			want = 500
		}
		if got := StatusOfCause(cause); got != want {
			t.Errorf("cause %d gives %d, want %d", cause, got, want)
		}
	}
}

func TestReasons_OneValueAProtocolCutDown(t *testing.T) {
	for _, tc := range []struct {
		in, plain, text string
	}{
		{`SIP;cause=200;text="Call completed elsewhere"`, `SIP;cause=200`, `SIP;cause=200;text="Call completed elsewhere"`},
		{`Q.850 ; cause = 16 ; x=y`, `Q.850;cause=16`, `Q.850;cause=16`},
		{`Q.850;cause=16;text="a;cause=1, b"`, `Q.850;cause=16`, `Q.850;cause=16;text="a;cause=1, b"`},
		{`Q.850;cause=16, q.850;cause=17, SIP;cause=600`, `Q.850;cause=16|SIP;cause=600`, `Q.850;cause=16|SIP;cause=600`},
		{`Preemption ;text="UA"`, `Preemption`, `Preemption;text="UA"`},
		{`SIP;cause=x, SIP;cause=486`, `SIP;cause=486`, `SIP;cause=486`},
		{`SIP;cause=-1`, ``, ``},
		{`SIP;cause=99999999999`, ``, ``},
		{`;cause=1`, ``, ``},
		{`"SIP";cause=1`, ``, ``},
		{`a b;cause=1`, ``, ``},
	} {
		m := message(t, request, "Reason: "+tc.in)
		for text, want := range map[bool]string{false: tc.plain, true: tc.text} {
			if got := strings.Join(Reasons(m, text), "|"); got != want {
				t.Errorf("%s (text %v): %s, want %s", tc.in, text, got, want)
			}
		}
	}
	if got := Reasons(message(t, request), true); got != nil {
		t.Errorf("no Reason gives %q", got)
	}
}

func TestQ850_FindsTheCauseAmongReasons(t *testing.T) {
	for _, tc := range []struct {
		in   []string
		want int
	}{
		{nil, 0}, {[]string{"SIP;cause=200"}, 0}, {[]string{"SIP;cause=200", "q.850;cause=17"}, 17},
		{[]string{"Q.850"}, 0}, {[]string{"Q.850;cause=x", "Q.850;cause=1"}, 1}, {[]string{Q850Reason(102)}, 102},
	} {
		if got := Q850(tc.in); got != tc.want {
			t.Errorf("%q: %d, want %d", tc.in, got, tc.want)
		}
	}
}

func TestWithHost_NamesTheSameUserAtOurHost(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{`<sip:100@10.0.0.20>`, `<sip:100@sbc>`},
		{`"Ann, 100" <sip:100:secret@10.0.0.20:5070;transport=tcp;maddr=10.0.0.9?Subject=inner>;reason=busy`, `"Ann, 100" <sip:100@sbc>;reason=busy`},
		{`Ann <sip:+1@inner.example;user=phone>`, `Ann <sip:+1@sbc;user=phone>`},
		{`sip:100@10.0.0.20`, `<sip:100@sbc>`},
		{`<sips:100@10.0.0.20>;index=1.2`, `<sip:100@sbc>;index=1.2`},
		{`<sip:10.0.0.20>`, `<sip:sbc>`},
		{`<tel:+13125550100;phone-context=inner.example>`, `<tel:+13125550100>`},
		{`"A" <tel:110>`, `"A" <tel:110>`},
		{`<urn:uuid:x>`, ``},
		{`<sip:100@10.0.0.20`, ``},
		{``, ``},
	} {
		got, ok := withHost([]byte(tc.in), "sbc")
		// A display name may be quoted or not: it is written anew.
		if strings.ReplaceAll(got, `"`, "") != strings.ReplaceAll(tc.want, `"`, "") || ok != (tc.want != "") {
			t.Errorf("%s: %q %v, want %q", tc.in, got, ok, tc.want)
		}
		if strings.Contains(got, "10.0.0") || strings.Contains(got, "inner") || strings.Contains(got, "secret") {
			t.Errorf("%s: %q tells of the inside", tc.in, got)
		}
	}
}

func TestPartyOf_KeepsNameAndNumber(t *testing.T) {
	m := message(t, request)
	if p := PartyOf(m.From()); p.User != "100;x=1" || !p.Phone || p.Write("sip", "sbc") != `"Ann" <sip:100;x=1@sbc;user=phone>` {
		t.Errorf("From gives %+v, %s", p, p.Write("sip", "sbc"))
	}
	if p := PartyOf(m.To()); !p.Phone || p.Display != "" || !strings.HasPrefix(p.Write("sip", "[2001:db8::1]"), "<sip:+1") {
		t.Errorf("To gives %+v", p)
	}
	anonymous := message(t, request, `From: "x" <urn:x:y>;tag=1`, "To: <sip:10.0.0.1>")
	if p := PartyOf(anonymous.From()); p.User != "" || p.Write("sip", "sbc") != `"x" <sip:sbc>` {
		t.Errorf("a URI that is none of ours gives %+v", p)
	}
}

// lines writes what crosses for comparison.
func lines(s Set) string {
	var out []string
	for _, h := range s.Headers {
		out = append(out, h.Name+": "+h.Value)
	}
	return strings.Join(out, "\n")
}

func TestCollect_TrustDecidesWhatCrosses(t *testing.T) {
	head := []string{"Subject: s", "Priority: urgent", "User-to-User: 00;encoding=hex", "Identity: id;info=<x>;alg=ES256", `Reason: SIP;cause=1;text="t"`, "Reason: Q.850;cause=2",
		"P-Asserted-Identity: <sip:1@10.0.0.20>, <tel:+1>", "Diversion: <sip:2@10.0.0.20>;reason=busy", "History-Info: <sip:3@10.0.0.20>;index=1", "X-Own: y",
		"P-Preferred-Identity: <sip:4@10.0.0.20>", "Privacy: id", "User-Agent: u", "Authorization: a", "Proxy-Authorization: b", "Contact: <sip:c@10.0.0.20>",
		"Route: <sip:r;lr>", "Record-Route: <sip:r;lr>", "Supported: timer", "Require: foo", "Call-Info: <http://10.0.0.20/x>", "Replaces: x;to-tag=1;from-tag=2",
		"RSeq: 1", "Session-Expires: 90", "Warning: 399 x \"y\"", "Retry-After: 3", "WWW-Authenticate: d"}
	full, none := &engine.Zone{Trust: config.TrustFull}, &engine.Zone{Trust: config.TrustNone}
	plain := "Subject: s\nPriority: urgent\nUser-to-User: 00;encoding=hex\n"
	addresses := "P-Asserted-Identity: <sip:1@sbc>\nP-Asserted-Identity: <tel:+1>\nDiversion: <sip:2@sbc>;reason=busy\nHistory-Info: <sip:3@sbc>;index=1\nX-Own: y"
	for _, tc := range []struct {
		start    string
		from, to *engine.Zone
		want     string
	}{
		{request, full, none, plain + "Identity: id;info=<x>;alg=ES256\nReason: SIP;cause=1\nReason: Q.850;cause=2"},
		{request, none, full, plain + "Identity: id;info=<x>;alg=ES256\nReason: SIP;cause=1\nReason: Q.850;cause=2"},
		{request, none, none, plain + "Identity: id;info=<x>;alg=ES256\nReason: SIP;cause=1\nReason: Q.850;cause=2"},
		{request, full, full, plain + "Identity: id;info=<x>;alg=ES256\nReason: SIP;cause=1;text=\"t\"\nReason: Q.850;cause=2\n" + addresses},
		{response, full, none, strings.TrimSuffix(plain, "\n")},
		{response, full, full, plain + "Reason: Q.850;cause=2\n" + addresses},
	} {
		got := lines(Collect(message(t, tc.start, head...), tc.from, tc.to, "sbc"))
		if got != tc.want {
			t.Errorf("%s from trust %v to %v:\n%s\nwant\n%s", tc.start[:6], tc.from.Trust, tc.to.Trust, got, tc.want)
		}
	}
}

func TestSessions_EachSideSeesTheOtherFirst(t *testing.T) {
	a, b, nobody := strings.Repeat("a", 32), strings.Repeat("b", 32), strings.Repeat("0", 32)
	said := func(id string) *msg.Message { return message(t, request, "Session-ID: "+id) }
	made := 0
	generate := func() string { made++; return fmt.Sprintf("%032x", made) }

	var s Sessions
	s.Learn(said(strings.ToUpper(a)+" ;remote="+nobody), true, generate)
	if got := s.Header(false); got != a+";remote="+nobody || made != 0 {
		t.Errorf("toward B %s, %d made", got, made)
	}
	s.Learn(said(b), false, nil)
	if got := s.Header(true); got != b+";remote="+a {
		t.Errorf("toward A %s", got)
	}
	for _, bad := range []string{nobody, "", "x", strings.Repeat("g", 32), a + "a", a[1:]} {
		s.Learn(said(bad), true, generate)
		s.Learn(message(t, request), false, generate)
		if got := s.Header(true); got != b+";remote="+a || made != 0 {
			t.Errorf("%q changed it to %s, %d made", bad, got, made)
		}
	}

	before := s
	s.Learn(said(strings.Repeat("c", 32)), true, nil)
	s.Learn(said(strings.Repeat("d", 32)), false, nil)
	s.Restore(before, true)
	if got := s.Header(true); got != strings.Repeat("d", 32)+";remote="+a {
		t.Errorf("after A's request was refused %s", got)
	}
	s.ForgetB()
	if got := s.Header(true); got != nobody+";remote="+a || !s.Known() {
		t.Errorf("after B was replaced %s", got)
	}
	var silent Sessions
	silent.Learn(message(t, request), true, generate)
	silent.Learn(message(t, request), true, generate)
	if got := silent.Header(false); got != fmt.Sprintf("%032x;remote=%s", 1, nobody) {
		t.Errorf("a silent side is %s", got)
	}
}
