package profile

import (
	"net/netip"
	"testing"
)

func TestPTMap_Nil_PassesAllUnchanged(t *testing.T) {
	var m *PTMap
	for in := range uint8(PayloadTypes) {
		if out, ok := m.Map(in); !ok || out != in {
			t.Fatalf("nil map of %d = %d, %v", in, out, ok)
		}
	}
	if _, ok := m.Map(128); ok {
		t.Fatal("128 is no payload type")
	}
	if !m.Identity() {
		t.Fatal("nil map is the identity")
	}
}

func TestPTMap_New_DropsAllButWhatWasSet(t *testing.T) {
	m := NewPTMap()
	m.Set(0, 0)
	m.Set(96, 101)
	m.Set(200, 3)
	m.Set(3, 200)
	for in := range uint8(PayloadTypes) {
		out, ok := m.Map(in)
		switch in {
		case 0:
			if !ok || out != 0 {
				t.Fatalf("0 -> %d, %v", out, ok)
			}
		case 96:
			if !ok || out != 101 {
				t.Fatalf("96 -> %d, %v", out, ok)
			}
		default:
			if ok {
				t.Fatalf("%d passes as %d", in, out)
			}
		}
	}
	if _, ok := m.Map(0xff); ok {
		t.Fatal("0xff passes")
	}
	if m.Identity() {
		t.Fatal("96 -> 101 is no identity")
	}
}

func TestFamilyOf_Addresses_GiveTheirFamily(t *testing.T) {
	for addr, want := range map[string]Family{
		"192.0.2.1": IPv4, "::ffff:192.0.2.1": IPv4, "2001:db8::1": IPv6, "::": IPv6, "0.0.0.0": IPv4,
	} {
		if got := FamilyOf(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
	}
	if FamilyOf(netip.Addr{}) != Any {
		t.Error("the zero address has no family")
	}
}

func TestEnums_String_NamesEveryValue(t *testing.T) {
	for got, want := range map[string]string{
		Any.String(): "any", IPv4.String(): "ipv4", IPv6.String(): "ipv6", Family(9).String(): "family(9)",
		Off.String(): "off", RTP.String(): "rtp", Datagram.String(): "datagram", Kind(9).String(): "kind(9)",
		NATAuto.String(): "auto", NATOn.String(): "on", NATOff.String() + "!": "off!", NAT(9).String(): "nat(9)",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
