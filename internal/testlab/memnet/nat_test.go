package memnet_test

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"gatehouse/internal/testlab/memnet"
)

func TestNAT_MappingAndFiltering(t *testing.T) {
	for _, tc := range []struct {
		name      string
		symmetric bool
		filtering memnet.Filtering
		// who gets an answer through to the phone: the one it sent to, another port of that host, another host
		same, port, host bool
	}{
		{"full cone", false, memnet.Anyone, true, true, true},
		{"restricted", false, memnet.AddressOnly, true, true, false},
		{"port restricted", false, memnet.AddressAndPort, true, false, false},
		{"symmetric", true, memnet.AddressAndPort, true, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New()
				nat := n.AddNAT(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParseAddr("203.0.113.1"))
				nat.Symmetric, nat.Filtering = tc.symmetric, tc.filtering
				phone, desk := bind(t, n, "10.0.0.5:5060"), bind(t, n, "10.0.0.6:5060")
				far, port, host := bind(t, n, "192.0.2.1:5060"), bind(t, n, "192.0.2.1:5070"), bind(t, n, "192.0.2.2:5060")
				send(t, phone, "10.0.0.6:5060", "inside")
				if got := read(t, desk); got != "10.0.0.5:5060 inside" {
					t.Errorf("between inside hosts: %q", got)
				}
				send(t, phone, "192.0.2.1:5060", "out")
				got := read(t, far)
				mapped, _, _ := strings.Cut(got, " ")
				if !strings.HasPrefix(mapped, "203.0.113.1:") {
					t.Fatalf("outside: %q", got)
				}
				for _, who := range []struct {
					c    *memnet.UDPConn
					pass bool
				}{{far, tc.same}, {port, tc.port}, {host, tc.host}} {
					send(t, who.c, mapped, "in")
					if got := read(t, phone); (got != "-") != who.pass {
						t.Errorf("from %s: %q, want it to pass: %v", who.c.AddrPort(), got, who.pass)
					}
				}
				send(t, phone, "192.0.2.2:5060", "out")
				other, _, _ := strings.Cut(read(t, host), " ")
				if (other != mapped) != tc.symmetric {
					t.Errorf("mapped to %s and %s", mapped, other)
				}
				send(t, host, "10.0.0.5:5060", "past the NAT")
				if got := read(t, phone); got != "-" {
					t.Errorf("an inside address was reached from outside: %q", got)
				}
				n.Forget(nat)
				send(t, far, mapped, "to the old mapping")
				if got := read(t, phone); got != "-" {
					t.Errorf("a forgotten mapping still works: %q", got)
				}
				send(t, phone, "192.0.2.1:5060", "out")
				if again, _, _ := strings.Cut(read(t, far), " "); again == mapped {
					t.Error("the new mapping is the old one")
				}
			})
		})
	}
}

func TestNAT_TCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		var seen []string
		n.Tap = func(p memnet.Packet) { seen = append(seen, p.Src.Addr().String()+">"+p.Dst.Addr().String()) }
		n.AddNAT(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParseAddr("203.0.113.1"))
		a, b := connect(t, n, "10.0.0.5:0", "192.0.2.1:5060")
		if !strings.HasPrefix(b.RemoteAddr().String(), "203.0.113.1:") {
			t.Errorf("the server sees %s", b.RemoteAddr())
		}
		_, _ = io.WriteString(a, "to")
		_, _ = io.WriteString(b, "fro")
		b1, b2 := make([]byte, 9), make([]byte, 9)
		n1, _ := b.Read(b1)
		n2, _ := a.Read(b2)
		if string(b1[:n1]) != "to" || string(b2[:n2]) != "fro" {
			t.Errorf("read %q and %q", b1[:n1], b2[:n2])
		}
		want := "[203.0.113.1>192.0.2.1 203.0.113.1>192.0.2.1 192.0.2.1>203.0.113.1]"
		if fmt.Sprint(seen) != want {
			t.Errorf("the wire shows %v, want %s", seen, want)
		}
		if _, err := n.DialTCP(t.Context(), addr("192.0.2.1:0"), addr("10.0.0.5:5060")); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("an inside address was reached from outside: %v", err)
		}
	})
}
