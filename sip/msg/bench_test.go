package msg

import (
	"bytes"
	"fmt"
	"testing"
)

// invite1K is an INVITE of about 1 KB as a trunk sends it.
func invite1K() []byte {
	body := "v=0\r\no=- 3909231 3909231 IN IP4 203.0.113.20\r\ns=-\r\nc=IN IP4 203.0.113.20\r\nt=0 0\r\nm=audio 30124 RTP/AVP 0 8 101\r\n" +
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\na=ptime:20\r\n"
	return lines(
		"INVITE sip:+13125550142@203.0.113.10:5060;user=phone SIP/2.0",
		"Via: SIP/2.0/UDP 203.0.113.20:5060;branch=z9hG4bK0123456789abcdef0123456789;rport",
		"Record-Route: <sip:203.0.113.20;lr;ftag=gK0a1b2c3d>",
		"Max-Forwards: 69",
		`From: "Alice Example" <sip:+13125550100@203.0.113.20;user=phone>;tag=gK0a1b2c3d`,
		"To: <sip:+13125550142@203.0.113.10;user=phone>",
		"Call-ID: 1896312_97135201@203.0.113.20",
		"CSeq: 17001 INVITE",
		"Contact: <sip:+13125550100@203.0.113.20:5060;transport=udp>",
		"Allow: INVITE,ACK,CANCEL,BYE,REGISTER,REFER,INFO,SUBSCRIBE,NOTIFY,PRACK,UPDATE,OPTIONS",
		"Supported: timer,100rel,replaces",
		"Session-Expires: 1800;refresher=uac",
		"P-Asserted-Identity: <sip:+13125550100@203.0.113.20:5060>",
		"Content-Type: application/sdp",
		"Content-Disposition: session;handling=required",
		fmt.Sprintf("Content-Length: %d", len(body)),
		"",
		body,
	)
}

func TestParse_ReusedMessage_AllocatesNothing(t *testing.T) {
	folded := lines("INVITE sip:a@[2001:db8::1] SIP/2.0", "v: SIP/2.0/UDP h;\r\n branch=b", "f: <sip:a@H>;\r\n\ttag=1", "t: <tel:+1>", "i: 1",
		"CSeq: 1\r\n INVITE", "", "")
	for name, raw := range map[string][]byte{
		"1 KB":    invite1K(),
		"folded":  folded,
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
	out := make([]byte, 0, 2*len(raw))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Parse(raw, Datagram); err != nil {
			b.Fatal(err)
		}
		m.Set("Via", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKabcdefghijklmnopqrstuvwxyz")
		m.Set("Max-Forwards", "68")
		m.Set("Contact", "<sip:gatehouse@10.0.0.1:5060>")
		m.Remove("Record-Route")
		m.Add("User-to-User", "00;encoding=hex")
		var err error
		if out, err = m.AppendTo(out[:0]); err != nil {
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
	if n := len(invite1K()); n < 1000 || n > 1300 || bytes.Contains(invite1K(), []byte("\n\n")) {
		t.Errorf("%d bytes", n)
	}
}
