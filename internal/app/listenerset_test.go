package app

import (
	"context"
	"net/netip"
	"testing"

	"gatehouse/config"
	"gatehouse/sip/msg"
	"gatehouse/sip/transport"
)

// nobody takes no messages.
type nobody struct{}

func (nobody) Receive(in *transport.Inbound)        { in.Release() }
func (nobody) SendFailed(string, msg.Method, error) {}
func (nobody) ConnLost(*transport.Conn, error)      {}

// setOf opens the listeners of a configuration.
func setOf(t *testing.T, c *config.Config) *listenerSet {
	t.Helper()
	stack, err := transport.New(transport.Options{Handler: nobody{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s := &listenerSet{open: make(map[listenerKey]*transport.Listener), order: keysOf(c)}
	for _, k := range s.order {
		l, err := stack.Listen(transport.ListenSpec{Zone: k.zone, Proto: k.proto, Addr: k.addr})
		if err != nil {
			t.Fatal(err)
		}
		s.open[k] = l
	}
	s.index(c)
	return s
}

func listen(t config.Transport, a string) config.Listener {
	return config.Listener{Transport: t, Addr: netip.MustParseAddrPort(a)}
}

func TestListenerSet_Wildcard_OwnsEveryAddressOfThisMachine(t *testing.T) {
	s := setOf(t, &config.Config{Zones: []config.Zone{
		{Name: "a", Advertise: "203.0.113.10", Listen: []config.Listener{listen(config.UDP, "0.0.0.0:0")}},
		{Name: "b", Advertise: "sbc.example", Listen: []config.Listener{listen(config.TCP, "127.0.0.3:0")}},
	}})
	wild, one := s.Find("a", transport.UDP, false).Addr().Port(), s.Find("b", transport.TCP, false).Addr().Port()
	for _, c := range []struct {
		addr  string
		port  uint16
		proto transport.Proto
		own   bool
	}{
		{"127.0.0.1", wild, transport.UDP, true},
		{"::ffff:127.0.0.1", wild, transport.UDP, true},
		{"203.0.113.10", wild, transport.UDP, true}, // what we show of ourselves comes back to us
		{"127.0.0.1", wild, transport.TCP, false},
		{"127.0.0.1", wild + 1, transport.UDP, false},
		{"192.0.2.1", wild, transport.UDP, false},
		{"127.0.0.3", one, transport.TCP, true},
		{"127.0.0.1", one, transport.TCP, false},
	} {
		if got := s.Own(netip.AddrPortFrom(netip.MustParseAddr(c.addr), c.port), c.proto); got != c.own {
			t.Errorf("%s://%s:%d is ours: %v", c.proto, c.addr, c.port, got)
		}
	}
	if a := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), one); !s.ownAny(a) || s.ownAny(netip.AddrPortFrom(a.Addr(), one+1)) {
		t.Error("any transport")
	}
}

func TestListenerSet_Order_IsThatOfTheFile(t *testing.T) {
	s := setOf(t, &config.Config{Zones: []config.Zone{{Name: "a", Listen: []config.Listener{
		listen(config.TCP, "127.0.0.4:0"), listen(config.UDP, "127.0.0.3:0"), listen(config.TCP, "127.0.0.2:0"), listen(config.UDP, "127.0.0.1:0")}}}})
	transports, v4, v6 := s.Usable("a")
	if len(transports) != 2 || transports[0] != "tcp" || transports[1] != "udp" || !v4 || v6 {
		t.Errorf("usable %v %v %v", transports, v4, v6)
	}
	if a := s.Find("a", transport.UDP, false).Addr().Addr(); a.String() != "127.0.0.3" {
		t.Errorf("UDP leaves by %s", a)
	}
	if s.Find("a", transport.UDP, true) != nil || s.Find("b", transport.UDP, false) != nil || s.Find("a", transport.TLS, false) != nil {
		t.Error("a listener that is not there was found")
	}
	if transports, v4, v6 := s.Usable("b"); transports != nil || v4 || v6 {
		t.Error("a zone that is not there is usable")
	}
}
