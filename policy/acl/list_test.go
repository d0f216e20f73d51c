package acl_test

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/policy/acl"
)

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range texts {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func TestAllows_Lists_LongestPrefixDecides(t *testing.T) {
	office := acl.New(prefixes("10.0.0.0/8", "10.1.2.3/32", "2001:db8::/32"), prefixes("10.1.0.0/16", "2001:db8:bad::/48"))
	noisy := acl.New(nil, prefixes("203.0.113.0/24", "0.0.0.0/1"))
	equal := acl.New(prefixes("192.0.2.0/24", "0.0.0.0/0"), prefixes("192.0.2.0/24"))
	for _, c := range []struct {
		list *acl.List
		addr string
		want bool
	}{
		{office, "10.0.0.1", true},
		{office, "10.1.2.4", false},
		{office, "10.1.2.3", true},
		{office, "::ffff:10.1.2.3", true},
		{office, "::ffff:10.1.2.4", false},
		{office, "192.0.2.1", false}, // an allow list was given
		{office, "2001:db8:1::1", true},
		{office, "2001:db8:1::1%eth0", true},
		{office, "2001:db8:bad::1", false},
		{office, "2001:db9::1", false},
		{office, "::10.0.0.1", false}, // not the mapped form: RFC 4291 §2.5.5.1
		{noisy, "203.0.113.9", false},
		{noisy, "1.2.3.4", false},
		{noisy, "203.0.114.9", true},
		{noisy, "2001:db8::1", true}, // nobody spoke of IPv6
		{noisy, "::ffff:1.2.3.4", false},
		{equal, "192.0.2.9", false},
		{equal, "192.0.3.9", true},
		{equal, "2001:db8::1", false},
	} {
		if got := c.list.Allows(netip.MustParseAddr(c.addr)); got != c.want {
			t.Errorf("%s: %v", c.addr, got)
		}
	}
}

func TestNew_NoPrefixes_AllowsAll(t *testing.T) {
	var none *acl.List
	for _, l := range []*acl.List{none, acl.New(nil, nil), acl.New([]netip.Prefix{}, []netip.Prefix{})} {
		if !l.Allows(netip.MustParseAddr("192.0.2.1")) || !l.Allows(netip.Addr{}) {
			t.Error("somebody is denied")
		}
	}
}

func TestNew_OddPrefixes_MeanWhatTheySay(t *testing.T) {
	mapped, host := netip.MustParsePrefix("::ffff:192.0.2.0/120"), netip.MustParsePrefix("192.0.2.77/24")
	for _, p := range []netip.Prefix{mapped, host} {
		if acl.New(nil, []netip.Prefix{p}).Allows(netip.MustParseAddr("192.0.2.1")) {
			t.Errorf("%v does not deny", p)
		}
		if !acl.New([]netip.Prefix{p}, nil).Allows(netip.MustParseAddr("::ffff:192.0.2.1")) {
			t.Errorf("%v does not allow", p)
		}
	}
	// An allow list of nothing that is valid allows nobody, rather than everybody.
	if l := acl.New([]netip.Prefix{{}}, nil); l.Allows(netip.MustParseAddr("192.0.2.1")) || l.Allows(netip.Addr{}) {
		t.Error("an allow list that holds nobody lets somebody in")
	}
}

func TestNew_LaterChangesOfTheSlices_ChangeNothing(t *testing.T) {
	allow := prefixes("10.0.0.0/8")
	l := acl.New(allow, nil)
	allow[0] = netip.MustParsePrefix("0.0.0.0/0")
	if l.Allows(netip.MustParseAddr("192.0.2.1")) {
		t.Error("the list kept the slice")
	}
}

// naive is the rule without a table.
func naive(allow, deny []netip.Prefix, a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	best, verdict := -1, len(allow) == 0
	for _, p := range allow {
		if p.Contains(a) && p.Bits() > best {
			best, verdict = p.Bits(), true
		}
	}
	for _, p := range deny {
		if p.Contains(a) && p.Bits() >= best {
			best, verdict = p.Bits(), false
		}
	}
	return verdict
}

// near draws an address that differs in few bits from a fixed one, so that
// prefixes and addresses hit each other.
func near(t *rapid.T, v6 bool, label string) netip.Addr {
	b := netip.MustParseAddr("2001:db8:5a5a:a5a5:1234:5678:9abc:def0").As16()
	if !v6 {
		b = netip.MustParseAddr("::ffff:203.0.113.77").As16()
	}
	for range rapid.IntRange(0, 3).Draw(t, label+" flips") {
		bit := rapid.IntRange(0, 127).Draw(t, label+" bit")
		if !v6 {
			bit = 96 + bit%32
		}
		b[bit/8] ^= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom16(b)
}

func TestAllows_AnyLists_AnswerAsTheRule(t *testing.T) {
	prefix := rapid.Custom(func(t *rapid.T) netip.Prefix {
		v6 := rapid.Bool().Draw(t, "v6")
		a := near(t, v6, "prefix").Unmap()
		return netip.PrefixFrom(a, rapid.IntRange(0, a.BitLen()).Draw(t, "bits"))
	})
	rapid.Check(t, func(t *rapid.T) {
		allow := rapid.SliceOfN(prefix, 0, 6).Draw(t, "allow")
		deny := rapid.SliceOfN(prefix, 0, 6).Draw(t, "deny")
		if len(allow) > 0 && rapid.Bool().Draw(t, "same") { // the tie that chance hardly makes
			deny = append(deny, allow[0])
		}
		l := acl.New(allow, deny)
		for range 10 {
			a := near(t, rapid.Bool().Draw(t, "v6"), "source")
			if got, want := l.Allows(a), naive(allow, deny, a); got != want {
				t.Fatalf("allow %v deny %v: %v is %v, want %v", allow, deny, a, got, want)
			}
		}
	})
}

func TestAllows_Allocs_None(t *testing.T) {
	l := acl.New(prefixes("10.0.0.0/8", "2001:db8::/32"), prefixes("10.1.0.0/16"))
	for _, s := range []string{"10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1%eth0", "8.8.8.8"} {
		a := netip.MustParseAddr(s)
		if n := testing.AllocsPerRun(100, func() { l.Allows(a) }); n != 0 {
			t.Errorf("%s: %v allocations", s, n)
		}
	}
}
