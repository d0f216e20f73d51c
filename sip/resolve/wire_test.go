package resolve

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// soon is more than any exchange here takes, and less than two attempts.
const soon = 5 * time.Second

func TestServer_WholeDomain_Located(t *testing.T) {
	s := serve(t, "127.0.0.2", func(z *zone) { z.set(t, office...) })
	r := client(t, Options{}, s.addr)
	expect(t, within(t, start(r, Query{Host: "example", Usable: []string{"udp"}}), soon),
		"udp [2001:db8::1]:5073, udp 192.0.2.1:5073, udp 192.0.2.2:5074")
	expect(t, within(t, start(r, Query{Host: "example", Secure: true, IPv6: true}), soon), "tls [2001:db8::1]:5071")
	expect(t, within(t, start(r, Query{Host: "nobody.example"}), soon), "error")
	if sizes := s.saw().sizes; len(sizes) == 0 || slices.ContainsFunc(sizes, func(n uint16) bool { return n != ednsBytes }) {
		t.Errorf("EDNS0 sizes %v", sizes)
	}
}

// RFC 5452 §9.2: ids and ports that cannot be told in advance.
func TestServer_IdsAndPorts_Random(t *testing.T) {
	s := serve(t, "127.0.0.2", func(*zone) {})
	r := client(t, Options{}, s.addr)
	const n = 100
	for i := range n {
		within(t, start(r, Query{Host: fmt.Sprintf("h%d", i), Port: 1, IPv4: true}), soon)
	}
	ports, ids := map[int]int{}, map[uint16]int{}
	steps := map[int]int{}
	saw := s.saw()
	for i := range saw.ids {
		ports[saw.ports[i]]++
		ids[saw.ids[i]]++
		if i > 0 {
			steps[int(saw.ids[i])-int(saw.ids[i-1])]++
		}
	}
	if len(saw.ids) != n || len(ids) < n-5 || len(ports) < n/2 || len(steps) < n/2 {
		t.Errorf("%d questions, %d ids, %d ports, %d steps between ids", len(saw.ids), len(ids), len(ports), len(steps))
	}
}

func TestServer_AnswerDoesNotFit_TCP(t *testing.T) {
	s := serve(t, "127.0.0.2", func(z *zone) {
		z.add(t, many(200, "big.example. 60 A 10.0.0.%d")...)
		z.add(t, many(60, "huge.example. 60 TXT "+long()+"%d")...)
		z.add(t, "huge.example. 60 A 192.0.2.1")
	})
	r := client(t, Options{}, s.addr)
	o := within(t, start(r, Query{Host: "big.example", Port: 1, IPv4: true}), soon)
	if tcp := s.saw().tcp; len(o.targets) != maxAddrs || tcp != 1 {
		t.Errorf("%d targets, %d questions over TCP: %v", len(o.targets), tcp, o.err)
	}
	// Nearly 64 KB, most of it beside the question.
	s.change(func() {
		s.mend = func(_, reply *dns.Msg) *dns.Msg {
			for _, rr := range s.rrs {
				if rr.Header().Rrtype == dns.TypeTXT {
					reply.Answer = append(reply.Answer, rr)
				}
			}
			slices.Reverse(reply.Answer)
			return reply
		}
	})
	expect(t, within(t, start(r, Query{Host: "huge.example", Port: 1, IPv4: true}), soon), "udp 192.0.2.1:1")
}

func long() string {
	text := ""
	for range 4 {
		text += fmt.Sprintf("%q ", fmt.Sprintf("%0250d", 1))
	}
	return text
}

// What is no answer to the question does not count, nor does it keep the answer from coming.
func TestServer_ForgedReplies_Ignored(t *testing.T) {
	forge := func(change func(m *dns.Msg)) func(query, reply []byte) []byte {
		return func(_, reply []byte) []byte {
			m := new(dns.Msg)
			if err := m.Unpack(reply); err != nil {
				panic(err)
			}
			m.Answer[0].(*dns.A).A = net.IPv4(192, 0, 2, 66)
			change(m)
			wire, err := m.Pack()
			if err != nil {
				panic(err)
			}
			return wire
		}
	}
	for name, raw := range map[string]func(query, reply []byte) []byte{
		"another id":       forge(func(m *dns.Msg) { m.Id++ }),
		"another name":     forge(func(m *dns.Msg) { m.Question[0].Name = "examplf." }),
		"a longer name":    forge(func(m *dns.Msg) { m.Question[0].Name = "example.com." }),
		"another type":     forge(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA }),
		"another class":    forge(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }),
		"no question":      forge(func(m *dns.Msg) { m.Question = nil }),
		"two questions":    forge(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }),
		"no response":      forge(func(m *dns.Msg) { m.Response = false }),
		"another opcode":   forge(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }),
		"short":            func(_, reply []byte) []byte { return reply[:11] },
		"the query itself": func(query, _ []byte) []byte { return query },
		"empty":            func(_, _ []byte) []byte { return []byte{} },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "127.0.0.2", func(z *zone) {
				z.set(t, "example. 60 A 192.0.2.1")
				z.raw = raw
			})
			r := client(t, Options{}, s.addr)
			expect(t, within(t, start(r, plainQuery), soon), oneTarget)
			if saw := s.saw(); saw.tcp != 0 || len(saw.ids) != 1 {
				t.Errorf("%d questions, %d over TCP", len(saw.ids), saw.tcp)
			}
		})
	}
}

// A reply with our id and question that cannot be read is asked again where nobody can forge one.
func TestServer_GarbledReply_TCP(t *testing.T) {
	s := serve(t, "127.0.0.2", func(z *zone) {
		z.set(t, "example. 60 A 192.0.2.1")
		udp := true
		z.raw = func(_, reply []byte) []byte {
			if !udp {
				return nil
			}
			udp = false
			return reply[:len(reply)-3]
		}
	})
	r := client(t, Options{}, s.addr)
	expect(t, within(t, start(r, plainQuery), soon), oneTarget)
	if tcp := s.saw().tcp; tcp != 1 {
		t.Errorf("%d questions over TCP", tcp)
	}
}

// A datagram that may have been cut off is not believed.
func TestServer_DatagramTooLong_TCP(t *testing.T) {
	s := serve(t, "127.0.0.2", func(z *zone) {
		z.set(t, "example. 60 A 192.0.2.1")
		udp := true
		z.raw = func(_, reply []byte) []byte {
			if !udp {
				return nil
			}
			udp = false
			return append(reply, make([]byte, datagramBytes)...)
		}
	})
	r := client(t, Options{}, s.addr)
	expect(t, within(t, start(r, plainQuery), soon), oneTarget)
	if tcp := s.saw().tcp; tcp != 1 {
		t.Errorf("%d questions over TCP", tcp)
	}
}

// Somebody who guesses at ids is cut short: TCP.
func TestServer_FloodOfGuesses_TCP(t *testing.T) {
	// A port that is free for datagrams may be taken for streams.
	var pc net.PacketConn
	var l net.Listener
	for tries := 0; l == nil; tries++ {
		var err error
		if pc, err = net.ListenPacket("udp", "127.0.0.2:0"); err != nil {
			t.Fatal(err)
		}
		if l, err = net.Listen("tcp", pc.LocalAddr().String()); err != nil {
			_ = pc.Close()
			if tries > 20 {
				t.Fatal(err)
			}
		}
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		buf := make([]byte, 512)
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		for i := range 100 {
			bad := slices.Clone(buf[:n])
			bad[2] |= 0x80
			binary.BigEndian.PutUint16(bad, binary.BigEndian.Uint16(bad)+uint16(i+1))
			_, _ = pc.WriteTo(bad, from)
		}
	}()
	s := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		rr, _ := dns.NewRR("example. 60 A 192.0.2.1")
		reply := new(dns.Msg)
		reply.SetReply(q)
		reply.Answer = append(reply.Answer, rr)
		_ = w.WriteMsg(reply)
	})}
	down := make(chan struct{})
	go func() { defer close(down); _ = s.ActivateAndServe() }()
	defer func() {
		_ = pc.Close()
		<-over
		_ = l.Close()
		<-down
	}()
	r := client(t, Options{}, netip.MustParseAddrPort(pc.LocalAddr().String()))
	expect(t, within(t, start(r, plainQuery), soon), oneTarget) // the datagrams alone would have led to nothing
}

// A late answer goes to a socket that is closed; the one to the next attempt counts.
func TestServer_LateAnswer_NextAttempt(t *testing.T) {
	s := serve(t, "127.0.0.2", func(z *zone) {
		z.set(t, "example. 60 A 192.0.2.1")
		z.slow["*"] = attemptTimeout + 100*time.Millisecond
		z.mend = func(_, reply *dns.Msg) *dns.Msg {
			z.slow["*"] = 0 // of the next one
			return reply
		}
	})
	r := client(t, Options{}, s.addr)
	o := within(t, start(r, plainQuery), soon)
	expect(t, o, oneTarget)
	if ids := s.saw().ids; o.took < attemptTimeout || len(ids) != 2 || ids[0] == ids[1] {
		t.Errorf("took %s, ids %v", o.took, ids)
	}
}

func TestServer_Slow_TwoSecondsInAll(t *testing.T) {
	s := serve(t, "127.0.0.2", func(z *zone) {
		z.set(t, office...)
		z.slow["*"] = 3 * time.Second
	})
	r := client(t, Options{}, s.addr)
	o := within(t, start(r, sipQuery), soon)
	expect(t, o, "error")
	if o.took > defaultTimeout+900*time.Millisecond {
		t.Errorf("took %s", o.took)
	}
}

func TestServer_FirstDead_SecondAnswers(t *testing.T) {
	dead, err := net.ListenPacket("udp", "127.0.0.3:0") // takes questions, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dead.Close() }()
	closed, err := net.ListenPacket("udp", "127.0.0.3:0") // nobody is there: ICMP says so
	if err != nil {
		t.Fatal(err)
	}
	gone := netip.MustParseAddrPort(closed.LocalAddr().String())
	_ = closed.Close()
	broken := serve(t, "127.0.0.4", func(z *zone) { z.rcode["*"] = dns.RcodeServerFailure })
	s := serve(t, "127.0.0.2", func(z *zone) { z.set(t, office...) })
	r := client(t, Options{}, gone, broken.addr, netip.MustParseAddrPort(dead.LocalAddr().String()), s.addr)
	o := within(t, start(r, Query{Host: "example", Usable: []string{"udp"}, IPv4: true}), soon)
	expect(t, o, "udp 192.0.2.1:5073, udp 192.0.2.2:5074")
	if o.took > 2*attemptTimeout+200*time.Millisecond { // 1.5 s and more
		t.Errorf("took %s: the dead server is waited for at every step", o.took)
	}
}

func TestServer_SaysNo_ErrorTellsIt(t *testing.T) {
	s := serve(t, "127.0.0.2", func(z *zone) { z.rcode["*"] = dns.RcodeServerFailure })
	r := client(t, Options{}, s.addr)
	o := within(t, start(r, sipQuery), soon)
	var code rcodeError
	if !errors.As(o.err, &code) || code != dns.RcodeServerFailure || errors.Is(o.err, ErrNoAddress) {
		t.Errorf("%v", o.err)
	}
	expect(t, within(t, start(r, Query{Host: "nobody", Port: 1}), soon), "error")
}

// RFC 6891 §7: a server that knows no EDNS0 is asked without.
func TestServer_NoEDNS_AskedWithout(t *testing.T) {
	for _, terse := range []bool{false, true} {
		s := serve(t, "127.0.0.2", func(z *zone) {
			z.set(t, "example. 60 A 192.0.2.1")
			z.mend = func(query, reply *dns.Msg) *dns.Msg {
				if query.IsEdns0() != nil {
					reply.Rcode, reply.Answer = dns.RcodeFormatError, nil
					if terse {
						reply.Question = nil
					}
				}
				return reply
			}
		})
		r := client(t, Options{}, s.addr)
		expect(t, within(t, start(r, plainQuery), soon), oneTarget)
		if sizes := s.saw().sizes; fmt.Sprint(sizes) != "[1232 0]" {
			t.Errorf("EDNS0 sizes %v", sizes)
		}
	}
}

// Records of other names, classes and types beside the answer are nobody's business.
func TestServer_RecordsBeside_Ignored(t *testing.T) {
	s := serve(t, "127.0.0.2", func(z *zone) {
		z.set(t, "example. 60 A 192.0.2.1")
		z.mend = addBeside
	})
	r := client(t, Options{}, s.addr)
	expect(t, within(t, start(r, plainQuery), soon), oneTarget)
	expect(t, within(t, start(r, Query{Host: "evil", Port: 5060, IPv4: true}), soon), "udp 192.0.2.66:5060")
}

func addBeside(_, reply *dns.Msg) *dns.Msg {
	for _, text := range []string{"evil. 60 A 192.0.2.66", "example. 60 CH A 192.0.2.66", "evil. 60 CNAME example.", "example. 60 TXT x", "example. 60 AAAA 2001:db8::66"} {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		reply.Answer = append([]dns.RR{rr}, reply.Answer...)
		reply.Extra = append(reply.Extra, rr)
		reply.Ns = append(reply.Ns, rr)
	}
	return reply
}

func TestClose_OpenSockets_AtOnce(t *testing.T) {
	s := serve(t, "127.0.0.2", func(z *zone) { z.slow["*"] = time.Second })
	r := New(Options{Servers: []netip.AddrPort{s.addr}, Hosts: "/dev/null"})
	c := start(r, sipQuery)
	begun := time.Now()
	if err := r.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if o := within(t, c, soon); !errors.Is(o.err, ErrClosed) || time.Since(begun) > attemptTimeout {
		t.Errorf("%v after %s", o.err, time.Since(begun))
	}
}
