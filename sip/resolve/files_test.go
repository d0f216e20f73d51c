package resolve

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestHosts_Names_NeverAsked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	write(t, path, `# comment
127.0.0.1	localhost
192.0.2.1  PBX pbx.example  # more
2001:db8::1 pbx
192.0.2.2 pbx
192.0.2.2
not-an-address pbx
fe80::1%eth0 pbx
127.0.0.1 us
 192.0.2.3 .bad ..  1.2.3.4 good`)
	inBubble(t, Options{Hosts: path}, func(t *testing.T, r *Resolver, z *zone) {
		for _, c := range []struct {
			q    Query
			want string
		}{
			{Query{Host: "pbx"}, "udp 192.0.2.1:5060, udp [2001:db8::1]:5060, udp 192.0.2.2:5060"},
			{Query{Host: "PBX.", IPv4: true, Transport: "tls"}, "tls 192.0.2.1:5061, tls 192.0.2.2:5061"},
			{Query{Host: "pbx.example", Port: 7}, "udp 192.0.2.1:7"},
			{Query{Host: "pbx.example", IPv6: true}, "error"},
			{Query{Host: "good"}, "udp 192.0.2.3:5060"},
			{Query{Host: "us"}, "error"},
			{Query{Host: "localhost"}, "error"},
			{Query{Host: "x.LocalHost."}, "error"},
			{Query{Host: "df7jal23ls0d.invalid"}, "error"}, // RFC 7118 §5.3
			{Query{Host: "invalid"}, "error"},
		} {
			o := resolve(r, c.q)
			expect(t, o, c.want)
			if !o.ready {
				t.Errorf("%s: not ready", c.q.Host)
			}
		}
		if o := resolve(r, Query{Host: "us"}); !errors.Is(o.err, errForbidden) {
			t.Errorf("%v", o.err)
		}
		if asked := z.questions(); asked != "" {
			t.Errorf("asked %s", asked)
		}
		// SRV records may lead to such names.
		z.set(t, "_sip._udp.example. 60 SRV 0 0 5070 pbx.example.")
		expect(t, resolve(r, Query{Host: "example", Transport: "udp"}), "udp 192.0.2.1:5070")
		if asked := z.questions(); asked != "SRV _sip._udp.example" {
			t.Errorf("asked %s", asked)
		}
	})
	inBubble(t, Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, func(t *testing.T, r *Resolver, _ *zone) {
		expect(t, resolve(r, Query{Host: "localhost"}), "udp 127.0.0.1:5060") // without a line in the file
	})
}

func TestHosts_FileChanges_SeenWithinFiveSeconds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	write(t, path, "192.0.2.1 pbx\n")
	inBubble(t, Options{Hosts: path}, func(t *testing.T, r *Resolver, _ *zone) {
		q := Query{Host: "pbx"}
		expect(t, resolve(r, q), oneTarget)
		write(t, path, "192.0.2.2 pbx other\n")
		expect(t, resolve(r, q), oneTarget) // nobody looks at the file when a call comes
		wait(filesCheck)
		expect(t, resolve(r, q), "udp 192.0.2.2:5060")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		wait(filesCheck)
		expect(t, resolve(r, q), "udp 192.0.2.2:5060") // an editor is about to put the new one there
		write(t, path, "192.0.2.3 pbx\n")
		wait(filesCheck)
		expect(t, resolve(r, q), "udp 192.0.2.3:5060")
	})
}

func TestConf_SearchListAndDots_InOrder(t *testing.T) {
	f := &files{}
	for _, c := range []struct {
		text, host string
		absolute   bool
		want       string
	}{
		{"search a.example b.example", "pbx", false, "pbx.a.example pbx.b.example pbx"},
		{"search a.example", "pbx", true, "pbx"},
		{"search a.example", "sip.pbx", false, "sip.pbx sip.pbx.a.example"},
		{"search a.example\noptions ndots:2", "sip.pbx", false, "sip.pbx.a.example sip.pbx"},
		{"search a.example\noptions ndots:0", "pbx", false, "pbx pbx.a.example"},
		{"domain a.example", "pbx", false, "pbx.a.example pbx"},
		{"search .", "pbx", false, "pbx"},
		{"search 1 2 3.example. a..b", "pbx", false, "pbx.3.example pbx"},
		{"search a b c d e f g h", "p", false, "p.a p.b p.c p.d p.e p.f p"},
		{"search " + strings.Repeat("a.", 100) + "example", strings.Repeat("b.", 50) + "x", false, strings.Repeat("b.", 50) + "x"},
		{"", "pbx", false, "pbx"},
	} {
		conf := parseConf(strings.NewReader(c.text))
		f.conf.Store(&conf)
		if got := strings.Join(slices.Collect(f.candidates(c.host, c.absolute)), " "); got != c.want {
			t.Errorf("%q, %s: %s, want %s", c.text, c.host, got, c.want)
		}
	}
}

func TestConf_Servers_ReadAndReloaded(t *testing.T) {
	c := parseConf(strings.NewReader("nameserver 192.0.2.1\nnameserver fe80::1%lo\n;nameserver 192.0.2.9\nnameserver ns.example\nnameserver 2001:db8::1\nnameserver 192.0.2.4\n"))
	if got := c.servers; len(got) != 3 || got[0].String() != "192.0.2.1:53" || got[1].String() != "[fe80::1%lo]:53" || got[2].String() != "[2001:db8::1]:53" {
		t.Errorf("servers %v", got)
	}
	path := filepath.Join(t.TempDir(), "resolv.conf")
	var asked []netip.AddrPort
	z := &zone{}
	inBubble(t, Options{Conf: path, Servers: []netip.AddrPort{}, exchange: recording(z, &asked)}, func(t *testing.T, r *Resolver, _ *zone) {
		z.set(t, "pbx.corp. 1 A 192.0.2.1", "x.far. 1 A 192.0.2.2")
		expect(t, resolve(r, Query{Host: "pbx.corp", Port: 5060, IPv4: true}), oneTarget)
		write(t, path, "nameserver 192.0.2.77\nsearch corp\n")
		wait(filesCheck)
		expect(t, resolve(r, Query{Host: "pbx", Port: 5060, IPv4: true}), oneTarget)
		// The name itself comes after the search list.
		if got := asked; len(got) != 2 || got[0].String() != "127.0.0.1:53" || got[1].String() != "192.0.2.77:53" {
			t.Errorf("asked %v", got)
		}
		expect(t, resolve(r, Query{Host: "x.far", Port: 5060, IPv4: true}), "udp 192.0.2.2:5060")
	})
	write(t, path, "nameserver 192.0.2.77\nsearch corp\n")
	inBubble(t, Options{Conf: path}, func(t *testing.T, r *Resolver, z *zone) { // servers given: the file does not count
		z.set(t, "pbx.corp. 1 A 192.0.2.1")
		expect(t, resolve(r, Query{Host: "pbx", Port: 5060, IPv4: true}), "error")
	})
}

// A name on the search list is resolved as a whole: its own NAPTR and SRV records.
func TestConf_Search_AppliesToSRV(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	write(t, path, "search corp example\n")
	inBubble(t, Options{Conf: path, Servers: []netip.AddrPort{}}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, "_sip._udp.pbx.example. 60 SRV 0 0 5099 a.", "a. 60 A 192.0.2.1")
		expect(t, resolve(r, Query{Host: "pbx", Usable: []string{"udp"}, IPv4: true}), "udp 192.0.2.1:5099")
	})
}
