package config_test

import (
	"crypto/tls"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/config"
)

// prefixes parses what a test lists.
func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

const edge = `
zones:
  inside: {listen: [udp://10.0.0.1:5060], media: {address: 10.0.0.1, ports: 16384-32767}, udp_max: 0}
  outside:
    listen: [udp://10.0.0.2:5060, tls://10.0.0.2:5061, "wss://10.0.0.2:8443", ws://10.0.0.2:8080]
    media: {address: 10.0.0.2, ports: 16384-32767}
    tls: {certificate: tls/sbc.pem, key_file: /keys/sbc.key, client_ca: tls/ca.pem, client_auth: request, min_version: "1.3"}
    websocket: {origins: [https://App.example, "http://[2001:DB8::1]:80"]}
    acl: {allow: [10.0.0.0/8, "2001:db8::/32"], deny: [10.1.0.0/16, 10.2.3.4]}
    udp_max: 4000
    dscp: {sip: cs3, media: 46}
peers:
  pbx: {zone: inside, address: sip:10.0.0.20}
  carrier:
    zone: outside
    address:
      - sips:sip.carrier.example
      - {uri: "sip:10.0.9.9;transport=wss", priority: 2, weight: 0}
      - {uri: "sip:10.0.9.9:5062"}
    match: {host: "2001:DB8::5", port: 5061, prefix: +1312, certificate: SIP.Carrier.example}
    tls: {ca: tls/carrier.pem, certificate: tls/client.pem, key_file: tls/client.key, server_name: Carrier.example}
routes:
  - {from: pbx, to: carrier}
dns: {servers: [192.0.2.53, "[2001:db8::53]:5353"], allow: [10.0.0.0/8]}
security:
  ban: {after: 0, for: 1h, allow: [192.0.2.0/24], dry_run: true}
  strangers: {rate: 5, burst: 1, total: 50}
`

func TestLoad_Edge_IsKept(t *testing.T) {
	c := mustLoad(t, edge)
	out, carrier := c.Zones[1], c.Peers[1]
	if want := (&config.ServerTLS{CertificateFile: "tls/sbc.pem", KeyFile: "/keys/sbc.key", ClientCAFile: "tls/ca.pem", MinVersion: tls.VersionTLS13}); !reflect.DeepEqual(out.TLS, want) {
		t.Errorf("tls %+v", out.TLS)
	}
	if want := []string{"https://app.example", "http://[2001:db8::1]"}; !reflect.DeepEqual(out.Origins, want) {
		t.Errorf("origins %v", out.Origins)
	}
	if want := (config.ACL{Allow: prefixes("10.0.0.0/8", "2001:db8::/32"), Deny: prefixes("10.1.0.0/16", "10.2.3.4/32")}); !reflect.DeepEqual(out.ACL, want) {
		t.Errorf("acl %v", out.ACL)
	}
	if out.UDPMax != 4000 || c.Zones[0].UDPMax != 0 || out.DSCP != (config.DSCP{SIP: 24, Media: 46}) || c.Zones[0].TLS != nil {
		t.Errorf("got %+v", c.Zones)
	}
	if out.Listen[1].Transport != config.TLS || out.Listen[2].Transport != config.WSS || out.Listen[3].Transport != config.WS {
		t.Errorf("listen %v", out.Listen)
	}
	if want := []config.Target{
		{Host: "sip.carrier.example", Transport: config.TLS, Secure: true, Weight: 1, Raw: "sips:sip.carrier.example"},
		{Host: "10.0.9.9", Transport: config.WSS, TransportGiven: true, Priority: 2, Weight: 0, Raw: "sip:10.0.9.9;transport=wss"},
		{Host: "10.0.9.9", Port: 5062, Weight: 1, Raw: "sip:10.0.9.9:5062"},
	}; !reflect.DeepEqual(carrier.Addresses, want) {
		t.Errorf("addresses %+v", carrier.Addresses)
	}
	if want := prefixes("10.0.9.9/32"); !reflect.DeepEqual(carrier.Source, want) || !carrier.SourceFromDNS || c.Peers[0].SourceFromDNS {
		t.Errorf("source %v, from DNS %v", carrier.Source, carrier.SourceFromDNS)
	}
	if want := (config.Match{Host: "2001:db8::5", Port: 5061, Prefix: "+1312", Certificate: "sip.carrier.example"}); carrier.Match != want || carrier.Match.IsZero() || !c.Peers[0].Match.IsZero() {
		t.Errorf("match %+v", carrier.Match)
	}
	if want := (&config.ClientTLS{CAFile: "tls/carrier.pem", CertificateFile: "tls/client.pem", KeyFile: "tls/client.key", ServerName: "carrier.example", MinVersion: tls.VersionTLS12}); !reflect.DeepEqual(carrier.TLS, want) {
		t.Errorf("tls %+v", carrier.TLS)
	}
	if want := (config.DNS{Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("[2001:db8::53]:5353")}, Allow: prefixes("10.0.0.0/8")}); !reflect.DeepEqual(c.DNS, want) {
		t.Errorf("dns %+v", c.DNS)
	}
	if want := (config.Security{Ban: config.Ban{After: 0, For: time.Hour, Allow: prefixes("192.0.2.0/24"), DryRun: true},
		Strangers: config.Strangers{Rate: 5, Burst: 1, Total: 50}}); !reflect.DeepEqual(c.Security, want) {
		t.Errorf("security %+v", c.Security)
	}
}

func TestLoad_Source_NeedsNoneForAName(t *testing.T) {
	for _, c := range []struct {
		peer    string
		want    []netip.Prefix
		fromDNS bool
	}{
		{`{zone: outside, address: sip:carrier.example}`, nil, true},
		{`{zone: outside, address: [sip:carrier.example, "sip:carrier.example:5070"]}`, nil, true},
		{`{zone: outside, address: [sip:192.0.2.1, sip:carrier.example, "sip:192.0.2.1:5070", sip:192.0.2.2]}`, prefixes("192.0.2.1/32", "192.0.2.2/32"), true},
		{`{zone: outside, address: sip:carrier.example, source: [192.0.2.0/24]}`, prefixes("192.0.2.0/24"), false},
		{`{zone: outside, address: sip:192.0.2.1}`, prefixes("192.0.2.1/32"), false},
	} {
		p := mustLoad(t, strings.Replace(smallest, `{zone: outside, address: "sip:192.0.2.1:5070"}`, c.peer, 1)).Peers[1]
		if !reflect.DeepEqual(p.Source, c.want) || p.SourceFromDNS != c.fromDNS {
			t.Errorf("%s gives %v, from DNS %v", c.peer, p.Source, p.SourceFromDNS)
		}
	}
}

func TestLoad_Reach_TakesWhatDNSMayName(t *testing.T) {
	const tcpOnly = "outside: {listen: [tcp://203.0.113.10:5060]"
	for address, want := range map[string]bool{
		"sip:carrier.example":                        true, // NAPTR and SRV may say TCP
		"sip:carrier.example;transport=tcp":          true,
		"sip:carrier.example;transport=udp":          false,
		"sip:carrier.example:5060":                   false, // a port without a transport is UDP
		"sips:carrier.example":                       false,
		"sip:192.0.2.1":                              false,
		"sip:192.0.2.1;transport=tcp":                true,
		`"sip:[2001:db8::1];transport=tcp"`:          false,
		"sip:carrier.example;transport=ws":           false,
		`[sip:carrier.example, "sip:192.0.2.1"]`:     false,
		`["sip:192.0.2.1;transport=TCP", sip:a.b.c]`: true,
	} {
		text := strings.Replace(smallest, "outside: {listen: [udp://203.0.113.10:5060]", tcpOnly, 1)
		text = strings.Replace(text, `address: "sip:192.0.2.1:5070"`, "address: "+address, 1)
		if _, _, err := config.Load("t.yaml", []byte(text)); (err == nil) != want {
			t.Errorf("%s gives %v", address, err)
		}
	}
}

func TestLoad_Match_TellsPeersOfOneSourceApart(t *testing.T) {
	share := func(a, b string) error {
		text := strings.Replace(smallest, "zone: inside, address: sip:10.0.0.20}", "zone: outside, address: sip:192.0.2.1"+a+"}", 1)
		_, _, err := config.Load("t.yaml", []byte(strings.Replace(text, `"sip:192.0.2.1:5070"}`, `"sip:192.0.2.1:5070"`+b+"}", 1)))
		return err
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"", "", false},
		{", match: {host: a.example}", "", false},
		{"", ", match: {host: a.example}", false},
		{", match: {host: a.example}", ", match: {host: A.Example}", false},
		{", match: {host: a.example}", ", match: {host: b.example}", true},
		{", match: {host: a.example}", ", match: {host: a.example, port: 5060}", true},
		{", match: {prefix: '1'}", ", match: {prefix: '12'}", true},
	} {
		if err := share(c.a, c.b); (err == nil) != c.want {
			t.Errorf("%q beside %q gives %v", c.a, c.b, err)
		}
	}
}

func TestLoad_SeveralAddressesOfOneName_AreOneSource(t *testing.T) {
	peers := `pbx: {zone: outside, address: [sip:carrier.example, "sip:carrier.example:5070"], match: {prefix: "1"}}
  carrier: {zone: outside, address: ["sip:carrier.example", "sip:carrier.example:5070"], match: {prefix: "2"}}`
	text := smallest[:strings.Index(smallest, "pbx: {")] + peers + smallest[strings.Index(smallest, "\nroutes:"):]
	if c := mustLoad(t, text); !c.Peers[0].SourceFromDNS || !c.Peers[1].SourceFromDNS {
		t.Errorf("got %+v", c.Peers)
	}
	for n, bad := range []string{strings.Replace(text, `prefix: "2"`, `prefix: "1"`, 1), strings.Replace(text, `, match: {prefix: "2"}`, "", 1)} {
		// Once for each peer that shares its match, once for each address without one.
		if _, _, err := config.Load("t.yaml", []byte(bad)); len(mistakes(err)) != 1 {
			t.Errorf("%d: got %v", n, err)
		}
	}
}

func TestReference_Defaults_AreThoseInForce(t *testing.T) {
	c := mustLoad(t, smallest+"admin: {}\n")
	inForce := map[string]string{
		"Node": c.Node, "Admin.Listen": c.Admin.Listen.String(), "Log.Level": c.Log.Level, "Media.Path": c.Media.Path.String(),
		"Zones.Trust": c.Zones[0].Trust.String(), "Zones.UDPMax": strconv.Itoa(c.Zones[0].UDPMax),
		"Zones.DSCP.SIP": strconv.Itoa(int(c.Zones[0].DSCP.SIP)), "Zones.DSCP.Media": strconv.Itoa(int(c.Zones[0].DSCP.Media)),
		"Security.Ban.After": strconv.Itoa(c.Security.Ban.After), "Security.Ban.DryRun": strconv.FormatBool(c.Security.Ban.DryRun),
		"Security.Strangers.Rate": strconv.Itoa(c.Security.Strangers.Rate), "Security.Strangers.Burst": strconv.Itoa(c.Security.Strangers.Burst),
		"Security.Strangers.Total": strconv.Itoa(c.Security.Strangers.Total),
	}
	durations := map[string]time.Duration{"Security.Ban.For": c.Security.Ban.For, "Media.Timeout": c.Media.Timeout,
		"Peers.SIP.RingTimeout": c.Peers[0].SIP.RingTimeout, "Peers.SIP.MaxDuration": c.Peers[0].SIP.MaxDuration}
	found := 0
	for _, s := range config.Reference() {
		for _, k := range s.Keys {
			if want, ok := inForce[k.Field]; ok {
				found++
				if k.Default != want {
					t.Errorf("%s.%s: the reference says %q, in force is %q", s.Path, k.Name, k.Default, want)
				}
			}
			if want, ok := durations[k.Field]; ok {
				found++
				if got, err := time.ParseDuration(k.Default); err != nil || got != want {
					t.Errorf("%s.%s: the reference says %q, in force is %s", s.Path, k.Name, k.Default, want)
				}
			}
		}
	}
	if found != len(inForce)+len(durations) {
		t.Errorf("only %d of %d keys are in the reference", found, len(inForce)+len(durations))
	}
}
