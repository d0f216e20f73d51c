package resolve

import (
	"errors"
	"strings"
	"testing"
)

// office is a domain with everything.
var office = []string{
	`example. 300 NAPTR 50 50 "s" "SIPS+D2T" "" _sips._tcp.example.`,
	`example. 300 NAPTR 90 50 "s" "SIP+D2T" "" _sip._tcp.example.`,
	`example. 300 NAPTR 100 50 "s" "SIP+D2U" "" _sip._udp.example.`,
	`example. 300 NAPTR 110 50 "s" "SIPS+D2W" "" _wss.example.`,
	`example. 300 NAPTR 120 50 "s" "SIP+D2W" "" _ws.example.`,
	`_sips._tcp.example. 300 SRV 0 0 5071 a.example.`,
	`_sip._tcp.example. 300 SRV 0 0 5072 a.example.`,
	`_sip._udp.example. 300 SRV 0 0 5073 a.example.`,
	`_sip._udp.example. 300 SRV 1 0 5074 b.example.`,
	`_wss.example. 300 SRV 0 0 8443 a.example.`,
	`_ws.example. 300 SRV 0 0 8080 a.example.`,
	`example. 300 A 192.0.2.9`,
	`example. 300 AAAA 2001:db8::9`,
	`a.example. 300 A 192.0.2.1`,
	`a.example. 300 AAAA 2001:db8::1`,
	`b.example. 300 A 192.0.2.2`,
}

// less leaves the records out that begin with one of some words.
func less(records []string, without ...string) []string {
	var out []string
next:
	for _, r := range records {
		for _, w := range without {
			if strings.Contains(r, w) {
				continue next
			}
		}
		out = append(out, r)
	}
	return out
}

var (
	all   = []string{"udp", "tcp", "tls", "ws", "wss"}
	plain = []string{"udp", "tcp"}
)

func TestB047_Branches_RFC3263(t *testing.T) {
	noNAPTR, noSRV := less(office, "NAPTR"), less(office, "NAPTR", "SRV")
	for _, c := range []struct {
		name  string
		zone  []string
		q     Query
		want  string
		asked string
	}{
		// §4.1, §4.2: numeric hosts.
		{"literal", office, Query{Host: "192.0.2.1"}, "udp 192.0.2.1:5060", ""},
		{"literal, port", office, Query{Host: "192.0.2.1", Port: 7}, "udp 192.0.2.1:7", ""},
		{"literal, sips", office, Query{Host: "192.0.2.1", Secure: true}, "tls 192.0.2.1:5061", ""},
		{"literal, sips over tcp", office, Query{Host: "192.0.2.1", Secure: true, Transport: "tcp"}, "tls 192.0.2.1:5061", ""},
		{"literal, transport", office, Query{Host: "[2001:db8::1]", Transport: "tcp", IPv4: true}, "tcp [2001:db8::1]:5060", ""},
		{"literal, ws", office, Query{Host: "2001:db8::1", Transport: "ws"}, "ws [2001:db8::1]:80", ""},
		{"literal, sips and ws", office, Query{Host: "192.0.2.1", Transport: "ws", Secure: true}, "wss 192.0.2.1:443", ""},
		{"literal, mapped", office, Query{Host: "[::ffff:192.0.2.1]"}, "udp 192.0.2.1:5060", ""},
		{"literal, no udp in the zone", office, Query{Host: "192.0.2.1", Usable: []string{"wss", "tcp"}}, "wss 192.0.2.1:443", ""},
		{"literal, loopback is no answer", office, Query{Host: "127.0.0.1"}, "udp 127.0.0.1:5060", ""},
		// An explicit port: addresses only.
		{"port", office, Query{Host: "example", Port: 5060}, "udp [2001:db8::9]:5060, udp 192.0.2.9:5060", "A example, AAAA example"},
		{"port, sips", office, Query{Host: "example", Port: 5099, Secure: true, IPv4: true}, "tls 192.0.2.9:5099", "A example"},
		{"port, transport", office, Query{Host: "example", Port: 5099, Transport: "tcp", IPv6: true}, "tcp [2001:db8::9]:5099", "AAAA example"},
		// An explicit transport: SRV of it, then addresses.
		{"transport", office, Query{Host: "example", Transport: "udp", IPv4: true}, "udp 192.0.2.1:5073, udp 192.0.2.2:5074",
			"A a.example, A b.example, SRV _sip._udp.example"},
		{"transport tls", office, Query{Host: "example", Transport: "tls", IPv4: true}, "tls 192.0.2.1:5071", "A a.example, SRV _sips._tcp.example"},
		{"transport tcp of sips", office, Query{Host: "example", Transport: "tcp", Secure: true, IPv4: true}, "tls 192.0.2.1:5071", "A a.example, SRV _sips._tcp.example"},
		{"transport without SRV", noSRV, Query{Host: "example", Transport: "tcp", IPv4: true}, "tcp 192.0.2.9:5060", "A example, SRV _sip._tcp.example"},
		{"transport ws", office, Query{Host: "example", Transport: "ws", IPv4: true}, "ws 192.0.2.9:80", "A example"},
		{"transport wss", office, Query{Host: "example", Transport: "wss", IPv4: true}, "wss 192.0.2.9:443", "A example"},
		{"transport ws of sips", office, Query{Host: "example", Transport: "ws", Secure: true, IPv4: true}, "wss 192.0.2.9:443", "A example"},
		// Neither: NAPTR.
		{"NAPTR, TLS first", office, Query{Host: "Example.", IPv4: true}, "tls 192.0.2.1:5071", "A a.example, NAPTR example, SRV _sips._tcp.example"},
		{"NAPTR, no TLS here", office, Query{Host: "example", Usable: plain, IPv4: true}, "tcp 192.0.2.1:5072", "A a.example, NAPTR example, SRV _sip._tcp.example"},
		{"NAPTR, sips", less(office, "SIPS+D2T"), Query{Host: "example", Usable: all, Secure: true, IPv4: true}, "wss 192.0.2.1:8443",
			"A a.example, NAPTR example, SRV _wss.example"},
		{"NAPTR, ws", office, Query{Host: "example", Usable: []string{"ws"}, IPv4: true}, "ws 192.0.2.1:8080", "A a.example, NAPTR example, SRV _ws.example"},
		{"NAPTR, both families", office, Query{Host: "example", Usable: []string{"udp"}}, "udp [2001:db8::1]:5073, udp 192.0.2.1:5073, udp 192.0.2.2:5074",
			"A a.example, A b.example, AAAA a.example, AAAA b.example, NAPTR example, SRV _sip._udp.example"},
		{"NAPTR without SRV", less(office, "SRV"), Query{Host: "example", Usable: plain, IPv4: true}, "tcp 192.0.2.9:5060", "A example, NAPTR example, SRV _sip._tcp.example"},
		{"NAPTR, sips offered in clear only", less(office, "SIPS+"), Query{Host: "example", Secure: true, IPv4: true}, "tls 192.0.2.1:5071",
			"A a.example, NAPTR example, SRV _sips._tcp.example"},
		// No NAPTR: SRV of the zone's transports.
		{"SRV, udp wanted most", noNAPTR, Query{Host: "example", Usable: []string{"udp", "tcp", "ws"}, IPv4: true}, "udp 192.0.2.1:5073, udp 192.0.2.2:5074",
			"A a.example, A b.example, NAPTR example, SRV _sip._tcp.example, SRV _sip._udp.example"},
		{"SRV, tcp wanted most", noNAPTR, Query{Host: "example", Usable: []string{"tcp", "udp"}, IPv4: true}, "tcp 192.0.2.1:5072",
			"A a.example, NAPTR example, SRV _sip._tcp.example, SRV _sip._udp.example"},
		{"SRV, only the second exists", less(noNAPTR, "_sip._udp"), Query{Host: "example", Usable: plain, IPv4: true}, "tcp 192.0.2.1:5072",
			"A a.example, NAPTR example, SRV _sip._tcp.example, SRV _sip._udp.example"},
		{"SRV, the first has no address", append(less(noNAPTR, "_sip._udp"), "_sip._udp.example. 1 SRV 0 0 1 gone.example."), Query{Host: "example", Usable: plain, IPv4: true},
			"tcp 192.0.2.1:5072", "A a.example, A gone.example, NAPTR example, SRV _sip._tcp.example, SRV _sip._udp.example"},
		{"SRV, sips", noNAPTR, Query{Host: "example", Secure: true, Usable: all, IPv4: true}, "tls 192.0.2.1:5071", "A a.example, NAPTR example, SRV _sips._tcp.example"},
		// Nothing but addresses: the default.
		{"addresses", noSRV, Query{Host: "example", Usable: plain, IPv4: true}, "udp 192.0.2.9:5060", "A example, NAPTR example, SRV _sip._tcp.example, SRV _sip._udp.example"},
		{"addresses, sips", noSRV, Query{Host: "example", Secure: true, IPv6: true}, "tls [2001:db8::9]:5061", "AAAA example, NAPTR example, SRV _sips._tcp.example"},
		{"nothing", nil, Query{Host: "example", Usable: []string{"udp"}, IPv4: true}, "error", "A example, NAPTR example, SRV _sip._udp.example"},
		{"sips over udp", office, Query{Host: "example", Secure: true, Transport: "udp"}, "error", ""},
		{"literal, sips over udp", office, Query{Host: "192.0.2.1", Secure: true, Transport: "udp"}, "error", ""},
		{"sctp", office, Query{Host: "example", Transport: "sctp"}, "error", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
				z.set(t, c.zone...)
				expect(t, resolve(r, c.q), c.want)
				if asked := z.questions(); asked != c.asked {
					t.Errorf("asked %s\nwant  %s", asked, c.asked)
				}
				again := resolve(r, c.q)
				expect(t, again, c.want)
				if asked := z.questions(); asked != "" || !again.ready {
					t.Errorf("the second time it asked %q", asked)
				}
			})
		})
	}
}

// A sips URI, and one whose domain asks for TLS, never gets a clear target, whatever fails.
func TestResolve_Secure_NeverClear(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, append(less(office, "NAPTR"),
			`example. 300 NAPTR 50 1 "s" "SIPS+D2T" "" _sips._tcp.example.`,
			`example. 300 NAPTR 50 2 "s" "SIP+D2U" "" _sip._udp.example.`)...)
		q := Query{Host: "example", Usable: all, IPv4: true}
		o := resolve(r, q)
		expect(t, o, "tls 192.0.2.1:5071")
		r.Penalize(o.targets[0], second, true)
		if o = resolve(r, q); !errors.Is(o.err, ErrAllOut) {
			t.Errorf("with the TLS target out: %v, %v", o, o.err)
		}
	})
}

func TestResolve_NAPTRNotForUs_Refused(t *testing.T) {
	for name, record := range map[string]string{
		"regular expression":   `example. 300 NAPTR 1 1 "s" "SIP+D2U" "!^.*$!sip:x@evil.example!" .`,
		"both":                 `example. 300 NAPTR 1 1 "s" "SIP+D2U" "!^.*$!sip:x@evil.example!" _evil.example.`,
		"not terminal":         `example. 300 NAPTR 1 1 "" "SIP+D2U" "" example.`,
		"another flag":         `example. 300 NAPTR 1 1 "a" "SIP+D2U" "" b.example.`,
		"sctp":                 `example. 300 NAPTR 1 1 "s" "SIP+D2S" "" _evil.example.`,
		"ENUM":                 `example. 300 NAPTR 1 1 "u" "E2U+sip" "!^.*$!sip:x@evil.example!" .`,
		"TLS over UDP":         `example. 300 NAPTR 1 1 "s" "SIPS+D2U" "" _evil.example.`,
		"replaced by the root": `example. 300 NAPTR 1 1 "s" "SIP+D2U" "" .`,
		"replaced by numbers":  `example. 300 NAPTR 1 1 "s" "SIP+D2U" "" 192.0.2.66.`,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
				z.set(t, append(less(office, "NAPTR"), record, "_evil.example. 1 SRV 0 0 5060 evil.example.", "evil.example. 1 A 192.0.2.66")...)
				expect(t, resolve(r, Query{Host: "example", Usable: plain, IPv4: true}), "udp 192.0.2.1:5073, udp 192.0.2.2:5074")
			})
		})
	}
}

func TestResolve_NAPTRToItself_SRVAskedOnceNoLoop(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, `example. 300 NAPTR 1 1 "s" "SIP+D2U" "" example.`, "example. 300 A 192.0.2.9")
		expect(t, resolve(r, Query{Host: "example", Usable: plain, IPv4: true}), "udp 192.0.2.9:5060")
		if asked := z.questions(); asked != "A example, NAPTR example, SRV example" {
			t.Errorf("asked %s", asked)
		}
	})
}

func TestResolve_NAPTRSameOrder_PreferenceThenTheNext(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, append(less(office, "NAPTR"),
			`example. 300 NAPTR 50 20 "s" "SIP+D2T" "" _sip._tcp.example.`,
			`example. 300 NAPTR 50 10 "S" "sip+d2u" "" _sip._udp.example.`,
			`example. 300 NAPTR 60 1 "s" "SIP+D2W" "" _ws.example.`)...)
		expect(t, resolve(r, Query{Host: "example", Usable: all, IPv4: true}), "udp 192.0.2.1:5073, udp 192.0.2.2:5074, tcp 192.0.2.1:5072")
	})
}

func TestResolve_SameAddressTwice_OneTarget(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, "_sip._udp.example. 60 SRV 1 0 5060 a.", "_sip._udp.example. 60 SRV 2 0 5060 b.", "_sip._udp.example. 60 SRV 3 0 5061 b.",
			"a. 60 A 192.0.2.1", "b. 60 CNAME a.")
		expect(t, resolve(r, Query{Host: "example", Transport: "udp", IPv4: true}), "udp 192.0.2.1:5060, udp 192.0.2.1:5061")
	})
}

func TestResolve_SRVTargetRoot_ServiceNotThere(t *testing.T) {
	for name, records := range map[string][]string{
		"root":        {"_sip._udp.example. 300 SRV 0 0 0 ."},
		"an address":  {"_sip._udp.example. 300 SRV 0 0 5060 192.0.2.1."},
		"port 0":      {"_sip._udp.example. 300 SRV 0 0 0 a.example."},
		"CNAME loop":  {"_sip._udp.example. 300 SRV 0 0 5060 x.example.", "x.example. 1 CNAME y.example.", "y.example. 1 CNAME x.example."},
		"no address":  {"_sip._udp.example. 300 SRV 0 0 5060 nobody.example."},
		"special use": {"_sip._udp.example. 300 SRV 0 0 5060 x.invalid."},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
				z.set(t, append(records, "example. 300 A 192.0.2.9", "a.example. 300 A 192.0.2.1")...)
				o := resolve(r, Query{Host: "example", Transport: "udp", IPv4: true})
				expect(t, o, "error") // no falling back to the address of the domain
			})
		})
	}
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, "_sip._udp.example. 300 SRV 0 0 0 .", "_sip._udp.example. 300 SRV 5 0 5060 a.example.", "a.example. 300 A 192.0.2.1")
		expect(t, resolve(r, Query{Host: "example", Transport: "udp", IPv4: true}), "udp 192.0.2.1:5060")
	})
}

func TestResolve_Aliases_FollowedToEight(t *testing.T) {
	for n, want := range map[int]string{1: "udp 192.0.2.1:5060", 8: "udp 192.0.2.1:5060", 9: "error"} {
		for _, lazy := range []bool{false, true} {
			inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
				for i := range n {
					z.add(t, strings.ReplaceAll(strings.ReplaceAll("c#. 300 CNAME c$.", "#", string(rune('a'+i))), "$", string(rune('a'+i+1))))
				}
				z.add(t, "c"+string(rune('a'+n))+". 300 A 192.0.2.1")
				if lazy { // a server that leaves it to us to follow
					z.mend = firstOnly
				}
				expect(t, resolve(r, Query{Host: "ca", Port: 5060, IPv4: true}), want)
			})
		}
	}
}

func TestResolve_AliasLoop_BoundedQuestions(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
			z.set(t, "a. 300 CNAME b.", "b. 300 CNAME a.", "self. 300 CNAME self.")
			if lazy {
				z.mend = firstOnly
			}
			for _, host := range []string{"a", "self"} {
				o := resolve(r, Query{Host: host, Port: 1, IPv4: true})
				if !errors.Is(o.err, errAliases) {
					t.Errorf("%s: %v, %v", host, o, o.err)
				}
				if n := strings.Count(z.questions(), ",") + 1; n > maxAliases+1 {
					t.Errorf("%d questions", n)
				}
			}
		})
	}
}

// An alias of a name no host can have leads nowhere.
func TestResolve_AliasToNoHostName_Refused(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, r *Resolver, z *zone) {
		z.set(t, `a. 300 CNAME x\.y\032z.example.`, "b. 300 CNAME 127.0.0.1.")
		for _, host := range []string{"a", "b"} {
			expect(t, resolve(r, Query{Host: host, Port: 1, IPv4: true}), "error")
		}
	})
}
