package msg

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/sip/grammar"
)

// lines joins header lines and an optional body into a message.
func lines(text ...string) []byte { return []byte(strings.Join(text, "\r\n")) }

// inviteLines is a request with every mandatory header; tests drop, change and add lines.
func inviteLines() []string {
	return []string{
		"INVITE sip:bob@biloxi.example.com SIP/2.0",
		"Via: SIP/2.0/UDP pc33.atlanta.example.com:5062;branch=z9hG4bK776asdhds;rport",
		"Max-Forwards: 70",
		`To: "Bob" <sip:bob@biloxi.example.com>`,
		"From: Alice <sip:alice@atlanta.example.com;x=1>;tag=1928301774",
		"Call-ID: a84b4c76e66710@pc33.atlanta.example.com",
		"CSeq: 314159 INVITE",
		"Contact: <sip:alice@pc33.atlanta.example.com>",
		"Content-Length: 0",
	}
}

func message(head []string, body string) []byte {
	return lines(append(slices.Clone(head), "", body)...)
}

// with returns the INVITE with the lines added behind its headers.
func with(extra ...string) []byte { return message(append(inviteLines(), extra...), "") }

// replaced returns the INVITE with the header line of that name replaced, or without it when line is "".
func replaced(name, line string) []byte {
	head := inviteLines()
	for i, l := range head {
		if strings.HasPrefix(l, name+":") {
			head[i] = line
		}
	}
	return message(slices.DeleteFunc(head, func(l string) bool { return l == "" }), "")
}

func mustParse(t testing.TB, raw []byte) *Message {
	t.Helper()
	m := new(Message)
	if err := m.Parse(raw, Datagram); err != nil {
		t.Fatalf("parse %q: %v", raw, err)
	}
	return m
}

func wantCode(t *testing.T, raw []byte, f Framing, code int) *Error {
	t.Helper()
	var m Message
	err := m.Parse(raw, f)
	if got := codeOf(t, err); got != code {
		t.Errorf("code %d (%v), want %d, for %.300q", got, err, code, raw)
	}
	e, _ := err.(*Error) //nolint:errorlint // Parse gives it bare
	return e
}

func TestParse_Request_AnswersEveryAccessor(t *testing.T) {
	m := mustParse(t, message(append(inviteLines()[:8], "Content-Type: text/plain", "l: 5"), "hello"))
	if !m.IsRequest() || m.Method() != INVITE || m.Status() != 0 || m.CSeq() != 314159 {
		t.Errorf("request %v, method %v, status %d, cseq %d", m.IsRequest(), m.Method(), m.Status(), m.CSeq())
	}
	wantBytes(t, "method", m.MethodName(), "INVITE")
	wantBytes(t, "uri", m.RequestURI(), "sip:bob@biloxi.example.com")
	wantBytes(t, "call-id", m.CallID(), "a84b4c76e66710@pc33.atlanta.example.com")
	wantBytes(t, "from uri", m.From().URI, "sip:alice@atlanta.example.com;x=1")
	wantBytes(t, "from display", m.From().Display, "Alice")
	wantBytes(t, "from params", m.From().Params, "tag=1928301774")
	wantBytes(t, "from tag", m.FromTag(), "1928301774")
	wantBytes(t, "to display", m.To().Display, `"Bob"`)
	if m.ToTag() != nil {
		t.Errorf("to tag %q", m.ToTag())
	}
	wantBytes(t, "body", m.Body(), "hello")
	via := m.TopVia()
	wantBytes(t, "via host", via.Host, "pc33.atlanta.example.com")
	wantBytes(t, "via branch", via.Branch, "z9hG4bK776asdhds")
	if via.Port != 5062 || !via.HasRPort || via.RPort != 0 {
		t.Errorf("via port %d, rport %v %d", via.Port, via.HasRPort, via.RPort)
	}
	c, ok := m.Contact()
	wantBytes(t, "contact", c.URI, "sip:alice@pc33.atlanta.example.com")
	if n, has := m.MaxForwards(); !ok || !has || n != 70 {
		t.Errorf("max-forwards %d %v", n, has)
	}
}

func TestParse_Response_TakesMethodFromCSeq(t *testing.T) {
	head := inviteLines()
	head[0] = "SIP/2.0 486 Busy Here"
	head[6] = "CSeq: 7 BYE"
	m := mustParse(t, message(head, ""))
	if m.IsRequest() || m.Status() != 486 || m.Method() != BYE || m.RequestURI() != nil {
		t.Errorf("request %v status %d method %v", m.IsRequest(), m.Status(), m.Method())
	}
	wantBytes(t, "reason", m.Reason(), "Busy Here")
	wantBytes(t, "method name", m.MethodName(), "BYE")
}

func TestParse_Reused_ForgetsThePreviousMessage(t *testing.T) {
	m := mustParse(t, with("To-Other: x", "Subject: s"))
	m.Set("Subject", "edited\r\n") // leaves an error behind
	head := inviteLines()
	head[0], head[6] = "SIP/2.0 200 OK", "CSeq: 1 BYE"
	head = slices.Delete(head, 2, 3)
	if err := m.Parse(message(head, ""), Datagram); err != nil {
		t.Fatal(err)
	}
	if _, ok := m.MaxForwards(); ok || m.RequestURI() != nil || m.Count(HeaderSubject) != 0 || m.Method() != BYE {
		t.Error("something of the first message is left")
	}
	if _, err := m.AppendTo(nil); err != nil {
		t.Errorf("edit error of the first message is left: %v", err)
	}
	m.Reset()
	if m.Raw() != nil || m.CallID() != nil || m.Status() != 0 {
		t.Error("Reset left something")
	}
}

func TestLookup_NamesInAnyForm_FindTheSameField(t *testing.T) {
	m := mustParse(t, with("k: timer", "sUPPORTED :100rel", "X-Thing: one", "x-thing: two"))
	for _, name := range []string{"k", "K", "Supported", "SUPPORTED"} {
		if v, ok := m.Lookup(name); !ok || string(v) != "timer" {
			t.Errorf("%s: %q %v", name, v, ok)
		}
	}
	if v, ok := m.Lookup("X-THING"); !ok || string(v) != "one" {
		t.Errorf("X-THING: %q %v", v, ok)
	}
	if _, ok := m.Lookup("X-Thin"); ok {
		t.Error("X-Thin found")
	}
	if m.Count(HeaderSupported) != 2 || !m.HasToken(HeaderSupported, "100REL") || m.HasToken(HeaderSupported, "100") {
		t.Error("Supported lines or tokens")
	}
	var got []string
	for name, v := range m.All() {
		got = append(got, string(name)+"="+string(v))
	}
	if want := "k=timer sUPPORTED=100rel X-Thing=one x-thing=two"; strings.Join(got[len(got)-4:], " ") != want {
		t.Errorf("All ends with %q", got[len(got)-4:])
	}
}

func TestIdentify_EveryKnownHeader_RoundTrips(t *testing.T) {
	for id := HeaderOther + 1; id < headerCount; id++ {
		name := id.String()
		if name == "" || !grammar.IsToken(name) {
			t.Fatalf("header %d is named %q", id, name)
		}
		for _, form := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if got := Identify(form); got != id {
				t.Errorf("%s is identified as %q", form, got)
			}
		}
		if got := Identify(name + "x"); got == id {
			t.Errorf("%sx is identified as %s", name, name)
		}
	}
	if HeaderOther.String() != "" || headerCount.String() != "" {
		t.Error("names beyond the known headers")
	}
	compact := map[string]ID{
		"a": HeaderAcceptContact, "b": HeaderReferredBy, "c": HeaderContentType, "d": HeaderRequestDisposition,
		"e": HeaderContentEncoding, "f": HeaderFrom, "i": HeaderCallID, "j": HeaderRejectContact, "k": HeaderSupported,
		"l": HeaderContentLength, "m": HeaderContact, "o": HeaderEvent, "r": HeaderReferTo, "s": HeaderSubject,
		"t": HeaderTo, "u": HeaderAllowEvents, "v": HeaderVia, "x": HeaderSessionExpires, "y": HeaderIdentity,
	}
	for c := range 256 {
		name := string([]byte{byte(c)})
		want := compact[strings.ToLower(name)]
		if c >= 0x80 {
			want = HeaderOther
		}
		if got := Identify(name); got != want {
			t.Errorf("compact form %q is %q, want %q", name, got, want)
		}
	}
}

func TestMethod_Names_RoundTripAndAreCaseSensitive(t *testing.T) {
	for m := INVITE; m <= PUBLISH; m++ {
		if got := ParseMethod(m.String()); got != m {
			t.Errorf("%v read as %v", m, got)
		}
		if got := ParseMethod(strings.ToLower(m.String())); got != Unknown {
			t.Errorf("lower-case %v read as %v", m, got)
		}
	}
	if ParseMethod("UNKNOWN") != Unknown || Method(200).String() != "UNKNOWN" {
		t.Error("unknown methods")
	}
}

func TestValues_QuotesAndBrackets_DoNotSplit(t *testing.T) {
	m := mustParse(t, replaced("Contact",
		`Contact: "A, \", B" <sip:a@h;p=1>;q=1 , <sip:b,c@h>, "x<" <sip:d@h>;z="1,2"`+"\r\nm:\r\n\t<sip:e@h>"))
	want := []string{`"A, \", B" <sip:a@h;p=1>;q=1`, `<sip:b,c@h>`, `"x<" <sip:d@h>;z="1,2"`, `<sip:e@h>`}
	if got := collect(m, HeaderContact); !slices.Equal(got, want) {
		t.Errorf("values %q, want %q", got, want)
	}
	if got := collect(mustParse(t, with(`Route: <sip:a"b@h>, <sip:c@h>`)), HeaderRoute); len(got) != 2 {
		t.Errorf("a quote inside brackets hides the comma: %q", got)
	}
	n := 0
	for range m.Lines(HeaderContact) {
		n++
	}
	if n != 2 || m.Count(HeaderContact) != 2 {
		t.Errorf("%d lines, count %d, want 2", n, m.Count(HeaderContact))
	}
	if got := collect(mustParse(t, with("Supported: ,a,, b ,")), HeaderSupported); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("empty values kept: %q", got)
	}
}

func collect(m *Message, id ID) (all []string) {
	for v := range m.Values(id) {
		all = append(all, string(v))
	}
	return all
}
