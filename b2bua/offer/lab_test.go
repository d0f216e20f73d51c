package offer

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"gatehouse/media/profile"
	"gatehouse/media/sdp"
)

// desc joins an origin of the peer and its lines to a description.
func desc(t *testing.T, addr string, lines ...string) *sdp.Session {
	t.Helper()
	head := []string{"v=0", "o=secret-user 77 88 IN IP4 " + addr, "s=secret-subject", "c=IN IP4 " + addr, "t=0 0"}
	if strings.Contains(addr, ":") {
		head[3] = "c=IN IP6 " + addr
	}
	return parse(t, []byte(strings.Join(append(head, lines...), "\r\n")+"\r\n"))
}

func parse(t *testing.T, b []byte) *sdp.Session {
	t.Helper()
	s, err := sdp.Parse(b)
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return s
}

const (
	addrA = "10.0.0.20"     // peer A
	addrB = "198.51.100.30" // peer B
	ourA  = "10.0.0.1"      // ours toward A
	ourB  = "203.0.113.10"  // ours toward B
)

// at gives local addresses on ip, port upward, one pair for each line that is relayed.
func at(ip string, port uint16, lines []Line) []Address {
	out := make([]Address, len(lines))
	for i, l := range lines {
		if l.Relay {
			p := port + uint16(2*i)
			out[i] = Address{
				RTP:  netip.AddrPortFrom(netip.MustParseAddr(ip), p),
				RTCP: netip.AddrPortFrom(netip.MustParseAddr(ip), p+1),
			}
		}
	}
	return out
}

// call is two legs; offers and answers are relayed between them.
type call struct {
	t    *testing.T
	a, b *Leg
}

func newCall(t *testing.T) *call { return &call{t: t, a: NewLeg(1001), b: NewLeg(2002)} }

func must(t *testing.T, b []byte, err error) *sdp.Session {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, b)
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ourAddr is what we advertise on a leg of the call.
func (c *call) ourAddr(l *Leg) (string, uint16) {
	if l == c.a {
		return ourA, 20000
	}
	return ourB, 30000
}

// offer relays an offer from one leg to the other and gives what the other's peer sees.
func (c *call) offer(from, to *Leg, s *sdp.Session) *sdp.Session {
	c.t.Helper()
	ok(c.t, from.Offered(s))
	ip, port := c.ourAddr(to)
	b, err := to.BuildOffer(from, at(ip, port, to.OfferLines(from)))
	return must(c.t, b, err)
}

// answer relays the answer that leg from's peer gave.
func (c *call) answer(from, to *Leg, s *sdp.Session) *sdp.Session {
	c.t.Helper()
	ok(c.t, from.Answered(s))
	return c.respond(from, to)
}

func (c *call) respond(from, to *Leg) *sdp.Session {
	c.t.Helper()
	ip, port := c.ourAddr(to)
	b, err := to.BuildAnswer(from, at(ip, port, to.AnswerLines(from)))
	return must(c.t, b, err)
}

func (c *call) commit() { c.a.Commit(); c.b.Commit() }

// setup makes an ordinary call: A offers, B answers.
func setup(t *testing.T, offered, answered []string) (*call, *sdp.Session, *sdp.Session) {
	t.Helper()
	c := newCall(t)
	toB := c.offer(c.a, c.b, desc(t, addrA, offered...))
	toA := c.answer(c.b, c.a, desc(t, addrB, answered...))
	c.commit()
	return c, toB, toA
}

// codecs gives "pt name/clock" of a line, for comparing.
func codecs(m *sdp.Media) string {
	var out []string
	for i := range m.Codecs {
		c := &m.Codecs[i]
		out = append(out, m.Formats[i]+" "+base(c))
	}
	return strings.Join(out, ", ")
}

// maps gives the numbers that pass, "in>out".
func maps(m *profile.PTMap) string {
	var out []string
	for in := range uint8(profile.PayloadTypes) {
		if to, ok := m.Map(in); ok {
			out = append(out, fmt.Sprintf("%d>%d", in, to))
		}
	}
	return strings.Join(out, " ")
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}
