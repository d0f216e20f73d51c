package msg

import (
	_ "embed"
	"strconv"
	"strings"
	"testing"
)

// invite1K is an INVITE of about 1 KB as a trunk sends it. scripts/bench/parse measures another library on the same bytes.
//
//go:embed testdata/invite1k.sip
var inviteText string

// rewrittenText is what rewrite makes of it.
//
//go:embed testdata/invite1k-rewritten.sip
var rewrittenText string

func invite1K() []byte { return []byte(inviteText) }

// rewrite does to a request what a border does, and writes it behind dst: request URI, Via and Contact become ours,
// Max-Forwards goes down, one header line goes and one comes.
func rewrite(m *Message, dst []byte) ([]byte, error) {
	const local = "192.0.2.10:5060"
	m.SetRequestURI("sip:+13125550142@192.0.2.80:5060;user=phone")
	m.Set("Via", "SIP/2.0/UDP ", local, ";branch=", "z9hG4bKabcdefghijklmnopqrstuvwxyz")
	if n, ok := m.MaxForwards(); ok && n > 0 {
		m.Set("Max-Forwards", strconv.Itoa(n-1))
	}
	m.Set("Contact", "<sip:gatehouse@", local, ">")
	m.Remove("Record-Route")
	m.Add("User-to-User", "00;encoding=hex")
	return m.AppendTo(dst)
}

func TestRewrite_Invite1K_ExactBytes(t *testing.T) {
	m := mustParse(t, invite1K())
	out, err := rewrite(m, nil)
	if err != nil || string(out) != rewrittenText {
		t.Errorf("%v, written\n%s\nwant\n%s", err, out, rewrittenText)
	}
	mustParse(t, out)
}

func TestParse_ReusedMessage_AllocatesNothing(t *testing.T) {
	folded := lines("INVITE sip:a@[2001:db8::1] SIP/2.0", "v: SIP/2.0/UDP h;\r\n branch=b", "f: <sip:a@H>;\r\n\ttag=1", "t: <tel:+1>", "i: 1",
		"CSeq: 1\r\n INVITE", "", "")
	for name, raw := range map[string][]byte{
		"1 KB":    invite1K(),
		"folded":  folded,
		"5 Vias":  replaced("Via", "Via: "+strings.Repeat("SIP/2.0/UDP h;branch=z9hG4bK1,", 3)+"SIP/2.0/TCP [::1]:5;x\r\nv: SIP/2.0/TLS h2"),
		"refused": with("CSeq: 1 INVITE", "From: <"),
	} {
		var m Message
		_ = m.Parse(raw, Datagram)
		allocs := testing.AllocsPerRun(200, func() {
			_ = m.Parse(raw, Datagram)
			_, _ = m.Get(HeaderSupported)
			_, _ = m.Contact()
			_ = m.HasToken(HeaderSupported, "100rel")
			_, _ = m.From().Param("tag")
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

func TestRewrite_ReusedMessage_AllocatesItsOutputOnly(t *testing.T) {
	raw := invite1K()
	var m Message
	var out []byte
	once := func(dst []byte) {
		err := m.Parse(raw, Datagram)
		if err == nil {
			out, err = rewrite(&m, dst)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(200, func() { once(nil) }); n > 1 {
		t.Errorf("into a new slice: %v allocations", n)
	}
	if n := testing.AllocsPerRun(200, func() { once(out[:0]) }); n > 0 {
		t.Errorf("into the same slice: %v allocations", n)
	}
}

func TestNewReplyHead_OneCopy_OneAllocation(t *testing.T) {
	m := mustParse(t, invite1K())
	var h ReplyHead
	if n := testing.AllocsPerRun(200, func() { h = NewReplyHead(m, testSource) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
	if !h.Answerable() {
		t.Error("not answerable")
	}
}

func BenchmarkParse(b *testing.B) {
	raw := invite1K()
	var m Message
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Parse(raw, Datagram); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRewrite(b *testing.B) {
	raw := invite1K()
	var m Message
	var out []byte
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		err := m.Parse(raw, Datagram)
		if err == nil {
			out, err = rewrite(&m, out[:0])
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReply(b *testing.B) {
	var m Message
	if err := m.Parse(invite1K(), Datagram); err != nil {
		b.Fatal(err)
	}
	var w Builder
	b.ReportAllocs()
	for b.Loop() {
		h := NewReplyHead(&m, testSource)
		w.Reset()
		h.Start(&w, 180, "", "abcdefghijklmnopqrstuvwxyz")
		if _, err := w.Bytes(); err != nil {
			b.Fatal(err)
		}
	}
}

func TestInvite1K_IsAboutOneKilobyte(t *testing.T) {
	if n := len(inviteText); n < 1000 || n > 1300 || strings.Count(inviteText, "\n") != strings.Count(inviteText, "\r\n") {
		t.Errorf("%d bytes", n)
	}
}
