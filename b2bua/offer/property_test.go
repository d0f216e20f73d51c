package offer

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/media/profile"
	"gatehouse/media/sdp"
)

// peer is a well-behaved endpoint: it keeps numbers for life, never shrinks its line count, answers legally. Every line
// it sends is full of canaries.
type peer struct {
	addr    string
	numbers []map[string]uint8 // by line: codec name to its number
	lines   int
	version int
}

var names = []string{"PCMU/8000", "PCMA/8000", "opus/48000/2", "iLBC/8000", "speex/16000", "telephone-event/8000"}

func (p *peer) number(rt *rapid.T, line int, name string) uint8 {
	switch name {
	case "PCMU/8000":
		return 0
	case "PCMA/8000":
		return 8
	}
	for len(p.numbers) <= line {
		p.numbers = append(p.numbers, map[string]uint8{})
	}
	if pt, ok := p.numbers[line][name]; ok {
		return pt
	}
	taken := func(pt uint8) bool {
		for _, other := range p.numbers[line] {
			if other == pt {
				return true
			}
		}
		return false
	}
	pt := uint8(rapid.IntRange(96, 127).Draw(rt, "pt"))
	for taken(pt) {
		pt = 96 + (pt-95)%32
	}
	p.numbers[line][name] = pt
	return pt
}

// hears notes the numbers in what we sent: they are bound for this peer too.
func (p *peer) hears(s *sdp.Session) {
	for i := range s.Media {
		for len(p.numbers) <= i {
			p.numbers = append(p.numbers, map[string]uint8{})
		}
		for _, c := range s.Media[i].Codecs {
			if c.PT < 96 {
				continue
			}
			for _, n := range names {
				if strings.HasPrefix(n, c.Name+"/") {
					if _, ok := p.numbers[i][n]; !ok {
						p.numbers[i][n] = c.PT
					}
				}
			}
		}
	}
	p.lines = max(p.lines, len(s.Media))
}

var directions = []string{"sendrecv", "sendonly", "recvonly", "inactive"}

func (p *peer) line(rt *rapid.T, i int, kind string, codecs []string, port int, direction string) string {
	var b strings.Builder
	if kind == "image" {
		fmt.Fprintf(&b, "m=image %d udptl t38\r\na=T38FaxVersion:0\r\n", port)
	} else {
		fmt.Fprintf(&b, "m=%s %d RTP/AVP", kind, port)
		for _, c := range codecs {
			fmt.Fprintf(&b, " %d", p.number(rt, i, c))
		}
		b.WriteString("\r\n")
		for _, c := range codecs {
			fmt.Fprintf(&b, "a=rtpmap:%d %s\r\n", p.number(rt, i, c), c)
		}
		if rapid.Bool().Draw(rt, "mux") {
			b.WriteString("a=rtcp-mux\r\n")
		}
	}
	if rapid.IntRange(0, 7).Draw(rt, "hold") == 0 {
		b.WriteString("c=IN IP4 0.0.0.0\r\n")
	}
	b.WriteString("a=" + direction + "\r\n" + strings.Join(privateMedia, "\r\n") + "\r\n")
	return b.String()
}

func (p *peer) session(lines []string) string {
	p.version++
	return "v=0\r\no=canary 1 " + fmt.Sprint(p.version) + " IN IP4 " + p.addr + "\r\ns=canary\r\ni=canary\r\nc=IN IP4 " + p.addr + "\r\nt=0 0\r\na=tool:canary\r\n" + strings.Join(lines, "")
}

func some(rt *rapid.T) []string {
	n := rapid.IntRange(1, len(names)).Draw(rt, "codecs")
	return rapid.Permutation(names).Draw(rt, "order")[:n]
}

func (p *peer) offer(rt *rapid.T) string {
	if p.lines == 0 || (p.lines < 4 && rapid.IntRange(0, 3).Draw(rt, "grow") == 0) {
		p.lines++
	}
	var lines []string
	for i := range p.lines {
		kind := rapid.SampledFrom([]string{"audio", "audio", "video", "image"}).Draw(rt, "kind")
		port := rapid.SampledFrom([]int{0, 4000, 4001, 9}).Draw(rt, "port")
		lines = append(lines, p.line(rt, i, kind, some(rt), port, rapid.SampledFrom(directions).Draw(rt, "direction")))
	}
	return p.session(lines)
}

func (p *peer) answer(rt *rapid.T, s *sdp.Session) string {
	p.hears(s)
	var lines []string
	for i := range s.Media {
		m := &s.Media[i]
		port := rapid.SampledFrom([]int{6000, 6001, 6000, 0}).Draw(rt, "port")
		if m.Rejected() {
			port = 0
		}
		var take []string
		for _, c := range m.Codecs {
			for _, n := range names {
				if strings.HasPrefix(n, c.Name+"/") && rapid.Bool().Draw(rt, "take") {
					take = append(take, n)
				}
			}
		}
		if len(take) == 0 && m.Kind != "image" {
			take, port = []string{"PCMU/8000"}, 0
		}
		allowed := sdp.SendRecv.And(m.Direction.Reverse())
		want := rapid.SampledFrom([]sdp.Direction{sdp.SendRecv, sdp.SendOnly, sdp.RecvOnly, sdp.Inactive}).Draw(rt, "direction")
		lines = append(lines, p.line(rt, i, m.Kind, take, port, want.And(allowed).String()))
	}
	return p.session(lines)
}

// witness checks every body that leaves on one leg.
type witness struct {
	version uint64
	bodies  map[uint64]string
	id      uint64
	keys    []map[uint8]string // numbers in our offers, by line
}

func (w *witness) sees(rt *rapid.T, body []byte, ours string) *sdp.Session {
	text := string(body)
	if strings.Contains(text, canary) || strings.Contains(text, addrA) || strings.Contains(text, addrB) || strings.Contains(text, "10.9.8.7") {
		rt.Fatalf("leak:\n%s", text)
	}
	s, err := sdp.Parse(body)
	if err != nil {
		rt.Fatalf("%v\n%s", err, text)
	}
	o := s.Origin
	if o.User != "-" || o.SessID != w.id || s.Name != "-" || (o.Addr != ours && o.Addr != "0.0.0.0") {
		rt.Fatalf("o= %+v", o)
	}
	if old, seen := w.bodies[o.Version]; seen {
		if old != text {
			rt.Fatalf("version %d has two bodies:\n%s\n%s", o.Version, old, text)
		}
	} else if o.Version != w.version+1 {
		rt.Fatalf("version %d after %d", o.Version, w.version)
	}
	w.bodies[o.Version], w.version = text, max(w.version, o.Version)
	for _, m := range s.Media {
		if !m.Rejected() && m.Addr.String() != ours {
			rt.Fatalf("address %v", m.Addr)
		}
	}
	return s
}

// offered checks what only offers must keep: line count and numbers.
func (w *witness) offered(rt *rapid.T, s *sdp.Session, standing int) {
	if len(s.Media) < standing {
		rt.Fatalf("%d lines after %d", len(s.Media), standing)
	}
	for i := range s.Media {
		for len(w.keys) <= i {
			w.keys = append(w.keys, map[uint8]string{})
		}
		for _, c := range s.Media[i].Codecs {
			key := base(&c)
			if old, ok := w.keys[i][c.PT]; ok && old != key {
				rt.Fatalf("line %d: %d was %s, is %s", i, c.PT, old, key)
			}
			w.keys[i][c.PT] = key
		}
	}
}

func TestOfferAnswer_AnyCourse_KeepsTheRules(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		legs := [2]*Leg{NewLeg(1001), NewLeg(2002)}
		peers := [2]*peer{{addr: addrA}, {addr: addrB}}
		seen := [2]*witness{{id: 1001, bodies: map[uint64]string{}}, {id: 2002, bodies: map[uint64]string{}}}
		ours := [2]string{ourA, ourB}
		for range rapid.IntRange(1, 8).Draw(rt, "exchanges") {
			from := rapid.IntRange(0, 1).Draw(rt, "from")
			runExchange(rt, legs, peers, seen, ours, from)
			checkStreams(rt, legs)
		}
	})
}

func runExchange(rt *rapid.T, legs [2]*Leg, peers [2]*peer, seen [2]*witness, ours [2]string, from int) {
	to := 1 - from
	a, b := legs[from], legs[to]
	before := describe(Streams(a, b))
	linesBefore := [2]int{peers[0].lines, peers[1].lines}
	rollback := func() {
		a.Rollback()
		b.Rollback()
		peers[0].lines, peers[1].lines = linesBefore[0], linesBefore[1]
		if after := describe(Streams(a, b)); before != after {
			rt.Fatalf("not restored:\n%s\n%s", before, after)
		}
	}
	offered, err := sdp.Parse([]byte(peers[from].offer(rt)))
	if err != nil {
		rt.Fatal(err)
	}
	if err := a.Offered(offered); err != nil {
		rt.Fatal(err)
	}
	standing := len(b.cur.lines)
	body, err := b.BuildOffer(a, at(ours[to], 30000, b.OfferLines(a)))
	if err != nil {
		rollback()
		return
	}
	out := seen[to].sees(rt, body, ours[to])
	seen[to].offered(rt, out, standing)
	if len(out.Media) < len(offered.Media) {
		rt.Fatalf("%d lines offered, %d sent on", len(offered.Media), len(out.Media))
	}
	peers[to].hears(out)
	if rapid.IntRange(0, 4).Draw(rt, "refuse") == 0 {
		rollback()
		return
	}
	for range rapid.IntRange(1, 2).Draw(rt, "answers") {
		answer, err := sdp.Parse([]byte(peers[to].answer(rt, out)))
		if err != nil {
			rt.Fatal(err)
		}
		if err := b.Answered(answer); err != nil {
			rt.Fatal(err)
		}
		body, err := a.BuildAnswer(b, at(ours[from], 20000, a.AnswerLines(b)))
		if err != nil {
			if body, err = a.BuildRejection(); err != nil {
				rt.Fatal(err)
			}
		}
		checkAnswer(rt, offered, seen[from].sees(rt, body, ours[from]))
	}
	peers[from].hears(offered)
	if rapid.IntRange(0, 6).Draw(rt, "fail") == 0 {
		rollback()
		return
	}
	a.Commit()
	b.Commit()
}

// describe gives streams as text, the maps spelt out.
func describe(list []profile.Stream) string {
	var b strings.Builder
	for _, s := range list {
		for _, side := range []profile.Side{s.A, s.B} {
			pt := side.PT
			side.PT = nil
			fmt.Fprintf(&b, "%v %+v ", s.Kind, side)
			if pt != nil {
				b.WriteString(maps(pt))
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func checkAnswer(rt *rapid.T, offered, answer *sdp.Session) {
	if len(answer.Media) != len(offered.Media) || answer.Timing != offered.Timing {
		rt.Fatalf("%d lines for %d", len(answer.Media), len(offered.Media))
	}
	for i := range offered.Media {
		o, m := &offered.Media[i], &answer.Media[i]
		if m.Kind != o.Kind || m.Proto != o.Proto || (o.Rejected() && !m.Rejected()) {
			rt.Fatalf("line %d: %+v for %+v", i, m, o)
		}
		if m.Rejected() {
			continue
		}
		if m.Direction.And(o.Direction.Reverse()) != m.Direction {
			rt.Fatalf("line %d: %v answers %v", i, m.Direction, o.Direction)
		}
		if m.Mux && !o.Mux {
			rt.Fatalf("line %d: mux was not offered", i)
		}
		for _, c := range m.Codecs {
			if !offers(o, c) {
				rt.Fatalf("line %d: %d %s was not offered", i, c.PT, c.Name)
			}
		}
	}
}

func offers(m *sdp.Media, c sdp.Codec) bool {
	for _, o := range m.Codecs {
		if o.PT == c.PT && o.Name == c.Name && o.ClockHz == c.ClockHz && o.Channels == c.Channels {
			return true
		}
	}
	return false
}

// checkStreams holds the relay's orders to what both sides said.
func checkStreams(rt *rapid.T, legs [2]*Leg) {
	for i, s := range Streams(legs[0], legs[1]) {
		for k, side := range []profile.Side{s.A, s.B} {
			if s.Kind == profile.Off {
				if side.RTP.IsValid() || side.Sends || side.PT != nil {
					rt.Fatalf("line %d is off: %+v", i, side)
				}
				continue
			}
			m := &legs[k].cur.remote.Media[i]
			want := netip.AddrPortFrom(m.Addr, m.Port)
			if m.Addr.IsUnspecified() {
				want = netip.AddrPort{}
			}
			if side.RTP != want || (side.Mux && !m.Mux) || (side.Sends && !m.Direction.Sends()) {
				rt.Fatalf("line %d: %+v for %+v", i, side, m)
			}
			if s.Kind == profile.RTP {
				checkMap(rt, &legs[k].cur.lines[i], &legs[1-k].cur.lines[i], side.PT)
			}
		}
	}
}

// checkMap holds a map to carry each number to the same codec.
func checkMap(rt *rapid.T, from, to *line, m *profile.PTMap) {
	for in := range uint8(profile.PayloadTypes) {
		out, ok := m.Map(in)
		if !ok {
			continue
		}
		name := func(l *line, pt uint8, recv bool) string {
			for i := range l.codecs {
				c := &l.codecs[i]
				if recv && c.recv == pt || !recv && c.send == pt {
					return c.key
				}
			}
			return ""
		}
		key := name(from, in, true)
		if key == "" {
			key = name(from, in, false)
		}
		if there := name(to, out, false); key == "" || key != there {
			rt.Fatalf("%d (%s) goes out as %d (%s)", in, key, out, there)
		}
	}
}
