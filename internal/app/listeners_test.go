package app

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/demo"
	"gatehouse/sip/transport"
)

// move puts the listener inside at another address.
func (s *site) move(t *testing.T, to netip.AddrPort) {
	t.Helper()
	s.set(strings.Replace(s.text, "udp://"+s.plan.Inside.String(), "udp://"+to.String(), 1))
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
}

func choose(t *testing.T) netip.AddrPort {
	t.Helper()
	p, err := demo.Choose(loopback)
	if err != nil {
		t.Fatal(err)
	}
	return p.Inside
}

// isOpen tells whether a socket holds the address.
func isOpen(a netip.AddrPort) bool {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
	if err == nil {
		_ = c.Close()
	}
	return err != nil
}

// closes waits until nobody holds the address.
func closes(t *testing.T, a netip.AddrPort) {
	t.Helper()
	for end := time.Now().Add(3 * retireCheck); isOpen(a); {
		if time.Now().After(end) {
			t.Fatalf("%s stays open", a)
		}
		<-time.After(retireCheck / 20)
	}
}

func TestReload_ListenerPutBackWhileItsCallIsUp_IsTheSameOne(t *testing.T) {
	s := open(t)
	ctx := within(t)
	caller, _ := s.pair(t, ctx)
	original := s.text
	first := s.listen.current.Load().Find("inside", transport.UDP, false)
	other := choose(t)
	s.move(t, other)
	s.set(original)
	if err := s.Reload(); err != nil {
		t.Fatalf("putting the listener back: %v", err)
	}
	if l := s.listen.current.Load().Find("inside", transport.UDP, false); l != first {
		t.Errorf("another listener took its place: %v", l)
	}
	if err := caller.Bye(ctx); err != nil {
		t.Error(err)
	}
	closes(t, other)
	s.listen.mu.Lock()
	defer s.listen.mu.Unlock()
	if !isOpen(s.plan.Inside) || len(s.listen.retired) != 0 {
		t.Errorf("the listener that was put back was closed, or is still retired: %v", s.listen.retired)
	}
}

func TestReload_FailsAfterClaim_ListenerStaysRetired(t *testing.T) {
	s := open(t)
	ctx := within(t)
	caller, _ := s.pair(t, ctx)
	original := s.text
	squatter, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer squatter.Close()
	s.move(t, choose(t))
	inside := fmt.Sprintf("[\"udp://%s\"]", s.plan.Inside)
	s.set(strings.Replace(original, inside, fmt.Sprintf("[\"udp://%s\", \"udp://%s\"]", s.plan.Inside, squatter.LocalAddr()), 1))
	if err := s.Reload(); err == nil {
		t.Fatal("an address in use was accepted")
	}
	if err := caller.Bye(ctx); err != nil {
		t.Error(err)
	}
	closes(t, s.plan.Inside)
}

func TestReload_AddressOfAnotherListenerOfOurs_SaysWhose(t *testing.T) {
	s := open(t)
	ctx := within(t)
	original := s.text
	s.set(strings.NewReplacer("outside", "public").Replace(original))
	if err := s.Reload(); err == nil || !strings.Contains(err.Error(), "zone outside has it open") {
		t.Errorf("a zone under another name: %v", err)
	}
	s.set(original)
	s.pair(t, ctx)
	s.move(t, choose(t))
	s.set(strings.Replace(s.text, "udp://"+s.plan.Outside.String(), "udp://"+s.plan.Inside.String(), 1))
	if err := s.Reload(); err == nil || !strings.Contains(err.Error(), "for calls of zone inside until they end") {
		t.Errorf("an address that is still used by calls: %v", err)
	}
}

func TestOpen_AddressNotOnThisMachine_IsSaid(t *testing.T) {
	s := open(t)
	if strings.Contains(s.log.String(), "not on this machine") {
		t.Error("said of loopback")
	}
	s.set(strings.Replace(s.text, `listen: ["udp://`, `listen: ["udp://192.0.2.99:5060", "udp://`, 1))
	if err := s.Reload(); err != nil {
		if runtime.GOOS != "linux" {
			t.Skip("an address that is not there can be bound on Linux only: ", err)
		}
		t.Fatal(err)
	}
	if text := s.logged(t); !strings.Contains(text, "the address is not on this machine") || !strings.Contains(text, "udp://192.0.2.99:5060") {
		t.Errorf("log:\n%s", text)
	}
}

func TestListenerKey_Meets(t *testing.T) {
	key := func(p transport.Proto, a string) listenerKey { return listenerKey{"z", p, netip.MustParseAddrPort(a)} }
	for _, c := range []struct {
		a, b listenerKey
		want bool
	}{
		{key(transport.UDP, "10.0.0.1:5060"), key(transport.UDP, "10.0.0.1:5060"), true},
		{key(transport.UDP, "10.0.0.1:5060"), key(transport.UDP, "0.0.0.0:5060"), true},
		{key(transport.UDP, "[::]:5060"), key(transport.UDP, "[2001:db8::1]:5060"), true},
		{key(transport.UDP, "10.0.0.1:5060"), key(transport.TCP, "10.0.0.1:5060"), false},
		{key(transport.UDP, "10.0.0.1:5060"), key(transport.UDP, "10.0.0.1:5061"), false},
		{key(transport.UDP, "10.0.0.1:5060"), key(transport.UDP, "10.0.0.2:5060"), false},
		{key(transport.UDP, "10.0.0.1:5060"), key(transport.UDP, "[::]:5060"), false},
	} {
		if c.a.meets(c.b) != c.want || c.b.meets(c.a) != c.want {
			t.Errorf("%v and %v: want %v", c.a, c.b, c.want)
		}
	}
}
