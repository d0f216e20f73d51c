package msg

import (
	"bytes"
	"strings"
	"testing"

	"gatehouse/sip/grammar"
)

// FuzzParse reads a message in both framings. What is accepted must be written in a form that reads the same, and
// that no longer changes when it is written again. What is refused must be answerable or silent, without a panic.
func FuzzParse(f *testing.F) {
	for _, row := range corpus(f) {
		f.Add(row.text)
	}
	f.Add(invite1K())
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, framing := range []Framing{Datagram, Stream} {
			fuzzOne(t, raw, framing)
		}
	})
}

func fuzzOne(t *testing.T, raw []byte, f Framing) {
	before := bytes.Clone(raw)
	var m Message
	err := m.Parse(raw, f)
	codeOf(t, err)
	h := NewReplyHead(&m, testSource)
	if m.IsRequest() {
		var b Builder
		h.Start(&b, 400, "", "tag")
		reply, berr := b.Bytes()
		if berr != nil {
			t.Fatalf("no reply: %v", berr)
		}
		checkReply(t, &m, reply, err)
	}
	exercise(&m)
	if !bytes.Equal(before, raw) {
		t.Fatal("the input changed")
	}
	if err != nil {
		return
	}
	once, err := m.AppendTo(nil)
	if err != nil {
		if len(raw) < MaxMessageBytes-64 {
			t.Fatalf("accepted but not written: %v", err)
		}
		return
	}
	var again Message
	if err := again.Parse(once, Stream); err != nil {
		t.Fatalf("written form refused: %v\n%q", err, once)
	}
	if got, want := fingerprint(&again), fingerprint(&m); got != want {
		t.Fatalf("reads differently\n%s\n%s", got, want)
	}
	if twice, err := again.AppendTo(nil); err != nil || !bytes.Equal(once, twice) {
		t.Fatalf("not stable: %v\n%q\n%q", err, once, twice)
	}
	if m.IsRequest() {
		checkRewrite(t, &m)
	}
}

// checkRewrite makes the edits of a border: what it writes is read back with them, and with the rest as it was.
func checkRewrite(t *testing.T, m *Message) {
	t.Helper()
	method, callID, kept := string(m.MethodName()), string(m.CallID()), len(m.fields)-m.Count(HeaderVia)-m.Count(HeaderContact)-m.Count(HeaderRecordRoute)
	out, err := rewrite(m, nil)
	if err != nil {
		if len(m.Raw()) < MaxMessageBytes-512 && len(m.fields) < MaxHeaders {
			t.Fatalf("accepted but not rewritten: %v", err)
		}
		return
	}
	var r Message
	if err := r.Parse(out, Datagram); err != nil {
		t.Fatalf("rewritten form refused: %v\n%q", err, out)
	}
	contact, _ := r.Contact()
	if string(r.MethodName()) != method || string(r.CallID()) != callID || string(r.TopVia().Host) != "192.0.2.10" ||
		string(contact.URI) != "sip:gatehouse@192.0.2.10:5060" || !bytes.HasPrefix(r.RequestURI(), []byte("sip:+1312")) {
		t.Fatalf("rewritten as\n%q", out)
	}
	length := 1 - m.Count(HeaderContentLength)
	if r.Count(HeaderVia) != 1 || r.Count(HeaderRecordRoute) != 0 || len(r.fields) != kept+len("VCU")+length {
		t.Fatalf("%d header lines instead of %d:\n%q", len(r.fields), kept+len("VCU")+length, out)
	}
}

// checkReply holds the reply to the rules of egress: only lines we meant, no control bytes, and readable by ourselves
// when the request was.
func checkReply(t *testing.T, m *Message, reply []byte, requestErr error) {
	t.Helper()
	for line := range bytes.SplitSeq(reply, []byte("\r\n")) {
		if grammar.HasUnsafe(line) {
			t.Fatalf("control byte in the reply: %q", reply)
		}
	}
	if requestErr != nil || len(reply) > MaxMessageBytes {
		return
	}
	var r Message
	if err := r.Parse(reply, Stream); err != nil {
		// A header at the limit may grow beyond it by what a reply adds.
		if len(m.Raw()) > MaxHeaderBytes-256 {
			return
		}
		t.Fatalf("reply refused: %v\n%q", err, reply)
	}
	if !bytes.Equal(r.FromTag(), m.FromTag()) || !bytes.Equal(r.TopVia().Branch, m.TopVia().Branch) || r.CSeq() != m.CSeq() {
		t.Fatalf("reply for another request:\n%q", reply)
	}
}

// fingerprint is all a message says, but for a Content-Length that was added.
func fingerprint(m *Message) string {
	var b strings.Builder
	b.Write(m.MethodName())
	b.WriteByte(' ')
	b.Write(m.RequestURI())
	b.Write(m.Reason())
	for name, v := range m.All() {
		if Identify(name) != HeaderContentLength {
			b.WriteString("\n")
			b.Write(name)
			b.WriteString("=")
			b.Write(v)
		}
	}
	b.WriteString("\n")
	b.Write(m.Body())
	return b.String()
}

func FuzzParseNameAddr(f *testing.F) {
	for _, s := range []string{`"A \" B" <sip:a@h;x=1?y=z>;tag=1;q="x;y"`, "sip:a@h;tag=1", "A b <tel:+1>;x", "*", "<urn:x>", "\"\\\x00\" <sip:a@h>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, v []byte) {
		n, err := ParseNameAddr(v)
		_ = n.DisplayText()
		_, _ = n.Param("tag")
		if err != nil || n.IsStar() {
			return
		}
		text := append(AppendDisplay(nil, n.DisplayText()), '<')
		text = append(append(text, n.URI...), '>')
		if len(n.Params) > 0 {
			text = append(append(text, ';'), n.Params...)
		}
		again, err := ParseNameAddr(text)
		if err != nil {
			t.Fatalf("%q written as %q: %v", v, text, err)
		}
		if !bytes.Equal(again.URI, n.URI) || !bytes.Equal(again.Params, n.Params) || again.DisplayText() != n.DisplayText() {
			t.Fatalf("%q: %q became %q", v, n, again)
		}
		tag, ok := n.Param("tag")
		if tag2, ok2 := again.Param("tag"); ok != ok2 || !bytes.Equal(tag, tag2) {
			t.Fatalf("%q: tag %q became %q", v, tag, tag2)
		}
	})
}

func FuzzParseVia(f *testing.F) {
	for _, s := range malformedVias {
		f.Add([]byte(s))
	}
	f.Add([]byte("SIP / 2.0 / TCP [::1] : 5060 ; branch = z9hG4bKx ; rport = 1 ; received = [::2];x=\"y\""))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m Message
		request := replaced("Via", "Via: "+string(raw)+"\r\nVia: SIP/2.0/UDP second.example")
		requestErr := m.Parse(request, Datagram)
		h := NewReplyHead(&m, testSource)
		var b Builder
		h.Start(&b, 400, "", "tag")
		reply, err := b.Bytes()
		if err != nil {
			t.Fatalf("%q: no reply: %v", raw, err)
		}
		checkReply(t, &m, reply, requestErr)
		v, err := ParseVia(raw)
		if err != nil {
			return
		}
		if v.Host == nil || v.Transport == nil || bytes.ContainsAny(v.Host, "[]") {
			t.Fatalf("%q: %+v", raw, v)
		}
		if grammar.HasUnsafe(raw) {
			return // cannot come out of a message
		}
		again, err := ParseVia(v.appendReceived(nil, testSource))
		if err != nil {
			t.Fatalf("%q: with received refused: %v", raw, err)
		}
		if !bytes.Equal(again.Branch, v.Branch) || !bytes.Equal(again.Host, v.Host) || again.Port != v.Port || again.HasRPort != v.HasRPort {
			t.Fatalf("%q became %+v", raw, again)
		}
	})
}
