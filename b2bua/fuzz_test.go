package b2bua_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/sip/transport"
)

// How a fuzzed input reaches the border.
const (
	fuzzUDP    = iota // from a known peer
	fuzzTCP           // on a connection of it
	fuzzAnswer        // from the B side, while an INVITE waits there
	fuzzDialog        // from the caller, in an established call
	fuzzWays
)

// fuzzHead in an input stands for what makes it belong to the call: the lines
// of the INVITE a response repeats, or those of the dialog.
const fuzzHead = "@HEAD@"

// FuzzBorder gives bytes to a whole signalling side. Whatever they are: it does
// not panic, answers the next OPTIONS, sends nothing malformed to the other
// side, and once everybody has hung up nothing is left. What is covered depends
// a little on scheduling, so minimizing brings nothing: -fuzzminimizetime 5x.
func FuzzBorder(f *testing.F) {
	f.Add(byte(fuzzUDP), newDraft("INVITE", 1).raw())
	f.Add(byte(fuzzUDP), newDraft("CANCEL", 2).raw())
	f.Add(byte(fuzzTCP), append(newDraft("INVITE", 3).raw(), newDraft("OPTIONS", 4).raw()...))
	body := "Content-Type: application/sdp\r\n\r\n" + strings.ReplaceAll(plainOffer, "\n", "\r\n") + "\r\n"
	f.Add(byte(fuzzAnswer), []byte("SIP/2.0 200 OK\r\n"+fuzzHead+"Contact: <sip:b@203.0.113.20>\r\n"+body))
	f.Add(byte(fuzzAnswer), []byte("SIP/2.0 183 x\r\n"+fuzzHead+"Reason: SIP;cause=1\r\n"+body))
	f.Add(byte(fuzzAnswer), []byte("SIP/2.0 302 x\r\n"+fuzzHead+"Contact: <sip:1@x>;q=0.1, <tel:2>\r\n\r\n"))
	f.Add(byte(fuzzDialog), []byte("INVITE sip:10.0.0.1 SIP/2.0\r\n"+fuzzHead+"CSeq: 2 INVITE\r\nContact: <sip:100@10.0.0.20>\r\n"+body))
	f.Add(byte(fuzzDialog), []byte("BYE sip:10.0.0.1 SIP/2.0\r\n"+fuzzHead+"CSeq: 3 BYE\r\nReason: Q.850;cause=16\r\n\r\n"))
	f.Fuzz(func(t *testing.T, way byte, raw []byte) {
		if len(raw) > 60000 {
			return
		}
		synctest.Test(t, func(t *testing.T) { fuzzBorder(t, int(way)%fuzzWays, raw) })
	})
}

func fuzzBorder(t *testing.T, way int, raw []byte) {
	p := newProbe(t)
	b := p.listen(addrB)
	switch way {
	case fuzzUDP:
		p.send(p.v4, raw)
	case fuzzTCP:
		p.stream(p.dial("10.0.0.20", "10.0.0.1:5060"), raw)
	case fuzzAnswer:
		answer := p.call()
		_, head, _ := strings.Cut(answer, "\r\n")
		head, _, _ = strings.Cut(head, "Contact:")
		p.from(b, string(bytes.ReplaceAll(raw, []byte(fuzzHead), []byte(head))))
	case fuzzDialog:
		head := p.establish(b)
		p.send(p.v4, bytes.ReplaceAll(raw, []byte(fuzzHead), []byte(head)))
	}
	synctest.Wait()
	p.alive(p.v4)
	// Nobody answers any more; what is still up ends by its longest duration.
	time.Sleep(5 * time.Hour)
	p.finish()
}

// call places a call and gives the 200 that B could answer it with.
func (p *probe) call() string {
	p.t.Helper()
	o := p.send(p.v4, newDraft("INVITE", 1).raw())
	if len(o.calls) != 1 {
		p.t.Fatalf("INVITE for the call: %+v", o)
	}
	return answerTo(o.calls[0])
}

// from sends a message of the B side.
func (p *probe) from(b transport.PacketConn, raw string) {
	p.t.Helper()
	if _, err := b.WriteToUDPAddrPort([]byte(raw), netip.MustParseAddrPort("203.0.113.10:5060")); err != nil {
		p.t.Fatal(err)
	}
	synctest.Wait()
}

// establish places a call that B answers, and gives the header lines of a
// request of the caller in it, but for the CSeq.
func (p *probe) establish(b transport.PacketConn) string {
	p.t.Helper()
	p.from(b, p.call())
	answers := p.r.wire.sent(addrA, "SIP/2.0 200")
	if len(answers) == 0 {
		p.t.Fatal("no 200 for the caller")
	}
	to := headers(answers[len(answers)-1], "To")[0]
	head := "Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bKfuzz;rport\r\nMax-Forwards: 70\r\nFrom: <sip:100@10.0.0.20>;tag=f1\r\nTo: " + to + "\r\nCall-ID: bad1\r\n"
	p.send(p.v4, []byte("ACK sip:10.0.0.1 SIP/2.0\r\n"+strings.Replace(head, "fuzz", "ack", 1)+"CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"))
	return head
}
