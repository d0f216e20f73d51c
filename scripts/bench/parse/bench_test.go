package parse

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/emiago/sipgo/sip"

	"gatehouse/sip/msg"
)

// invite and rewritten are what sip/msg reads, and what its rewrite makes of it.
const (
	invite    = "../../../sip/msg/testdata/invite1k.sip"
	rewritten = "../../../sip/msg/testdata/invite1k-rewritten.sip"
)

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// leanParser leaves out what our Parse does not take apart either: of this message Record-Route and Content-Type. The
// README of sipgo's package sip names it as a way to more speed; what it documents otherwise is NewParser, used again for
// every message. Both split addresses and parameters into strings, where we check them and keep their places.
func leanParser() *sip.Parser {
	lean := map[string]sip.HeaderParser{}
	for name, parser := range sip.DefaultHeadersParser() {
		switch name {
		case "via", "v", "from", "f", "to", "t", "contact", "m", "call-id", "i", "cseq", "max-forwards", "content-length", "l":
			lean[name] = parser
		}
	}
	return sip.NewParser(sip.WithHeadersParsers(lean))
}

// rewrite makes the edits of rewrite in sip/msg/bench_test.go, and writes the request as sipgo's own transports do: into a
// buffer that is used again.
func rewrite(req *sip.Request, out *bytes.Buffer) {
	const host, port = "192.0.2.10", 5060
	req.Recipient.Host, req.Recipient.Port = "192.0.2.80", 5060
	via := &sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "UDP", Host: host, Port: port, Params: sip.NewParams()}
	via.Params.Add("branch", "z9hG4bKabcdefghijklmnopqrstuvwxyz")
	req.ReplaceHeader(via)
	if hops := req.MaxForwards(); hops != nil {
		hops.Dec()
	}
	req.ReplaceHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "gatehouse", Host: host, Port: port}})
	req.RemoveHeader("Record-Route")
	req.AppendHeader(sip.NewHeader("User-to-User", "00;encoding=hex"))
	out.Reset()
	req.StringWrite(out)
}

func parse(tb testing.TB, p *sip.Parser, raw []byte) *sip.Request {
	tb.Helper()
	m, err := p.ParseSIP(raw)
	if err != nil {
		tb.Fatal(err)
	}
	req, ok := m.(*sip.Request)
	if !ok {
		tb.Fatalf("%T", m)
	}
	return req
}

// The two settings of sipgo and we read the same values.
func TestParse_BothLibraries_ReadTheSame(t *testing.T) {
	raw := read(t, invite)
	var ours msg.Message
	if err := ours.Parse(raw, msg.Datagram); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*sip.Parser{"lean": leanParser(), "default": sip.NewParser()} {
		theirs := parse(t, p, raw)
		tag, _ := theirs.From().Params.Get("tag")
		branch, _ := theirs.Via().Params.Get("branch")
		hops, _ := ours.MaxForwards()
		contact, _ := ours.Contact()
		for what, pair := range map[string][2]string{
			"method":  {theirs.Method.String(), ours.Method().String()},
			"target":  {theirs.Recipient.String(), string(ours.RequestURI())},
			"from":    {theirs.From().Address.String(), string(ours.From().URI)},
			"tag":     {tag, string(ours.FromTag())},
			"to":      {theirs.To().Address.String(), string(ours.To().URI)},
			"call-id": {theirs.CallID().Value(), string(ours.CallID())},
			"contact": {theirs.Contact().Address.String(), string(contact.URI)},
			"via":     {theirs.Via().Host, string(ours.TopVia().Host)},
			"branch":  {branch, string(ours.TopVia().Branch)},
			"body":    {string(theirs.Body()), string(ours.Body())},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s parser, %s: sipgo %q, we %q", name, what, pair[0], pair[1])
			}
		}
		if theirs.CSeq().SeqNo != ours.CSeq() || int(theirs.MaxForwards().Val()) != hops || len(theirs.Headers())+2 != len(fields(t, raw)) {
			t.Errorf("%s parser: CSeq %d, Max-Forwards %d, %d header fields", name, theirs.CSeq().SeqNo, theirs.MaxForwards().Val(), len(theirs.Headers()))
		}
	}
}

// Our rewrite of the message is byte for byte the file (TestRewrite_Invite1K_ExactBytes in sip/msg).
func TestRewrite_BothLibraries_WriteTheSame(t *testing.T) {
	want := read(t, rewritten)
	var out bytes.Buffer
	for name, p := range map[string]*sip.Parser{"lean": leanParser(), "default": sip.NewParser()} {
		rewrite(parse(t, p, read(t, invite)), &out)
		if got := fields(t, out.Bytes()); !slices.Equal(got, fields(t, want)) {
			t.Errorf("%s parser: sipgo writes\n%s\nwe write\n%s", name, out.Bytes(), want)
		}
	}
}

// fields lists what a message says, as our parser reads it: start line, header fields in their order, body.
func fields(t *testing.T, raw []byte) []string {
	t.Helper()
	var m msg.Message
	if err := m.Parse(raw, msg.Datagram); err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	out := []string{m.Method().String() + " " + string(m.RequestURI())}
	for name, value := range m.All() {
		out = append(out, string(name)+": "+string(value))
	}
	return append(out, string(m.Body()))
}

func benchmarkParse(b *testing.B, p *sip.Parser) {
	raw := read(b, invite)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		parse(b, p, raw)
	}
}

func benchmarkRewrite(b *testing.B, p *sip.Parser) {
	raw := read(b, invite)
	var out bytes.Buffer
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		rewrite(parse(b, p, raw), &out)
	}
}

func BenchmarkParse(b *testing.B)        { benchmarkParse(b, sip.NewParser()) }
func BenchmarkParseRewrite(b *testing.B) { benchmarkRewrite(b, sip.NewParser()) }

func BenchmarkLean(b *testing.B)        { benchmarkParse(b, leanParser()) }
func BenchmarkLeanRewrite(b *testing.B) { benchmarkRewrite(b, leanParser()) }
