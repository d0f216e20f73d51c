package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"gatehouse/config"
)

// smallest is the smallest file that works.
const smallest = `
zones:
  inside: {listen: [udp://10.0.0.1:5060], media: {address: 10.0.0.1, ports: 16384-32767}}
  outside: {listen: [udp://203.0.113.10:5060], media: {address: 203.0.113.10, ports: 16384-32767}}
peers:
  pbx: {zone: inside, address: sip:10.0.0.20}
  carrier: {zone: outside, address: "sip:192.0.2.1:5070"}
routes:
  - {from: pbx, to: carrier}
  - {from: carrier, to: pbx}
`

// mustLoad loads what the test expects to be right.
func mustLoad(t *testing.T, text string) *config.Config {
	t.Helper()
	c, _, err := config.Load("t.yaml", []byte(text))
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return c
}

func TestLoad_SmallestFile_GetsEveryDefault(t *testing.T) {
	c, warnings, err := config.Load("small.yaml", []byte(smallest))
	if err != nil || len(warnings) != 0 {
		t.Fatalf("got %v, %v", warnings, err)
	}
	inside, carrier := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.1")
	sip := config.PeerSIP{RingTimeout: 180 * time.Second, MaxDuration: 4 * time.Hour}
	ports := config.PortRange{Low: 16384, High: 32767}
	want := &config.Config{
		Node: "gatehouse", Path: "small.yaml",
		Zones: []config.Zone{
			{
				Name: "inside", Pos: config.Pos{Line: 3, Col: 3},
				Listen: []config.Listener{{Transport: config.UDP, Addr: netip.AddrPortFrom(inside, 5060)}},
				Media:  []config.MediaAddress{{Addr: inside, Advertise: inside, Ports: ports}},
				UDPMax: 1300,
			},
			{
				Name: "outside", Pos: config.Pos{Line: 4, Col: 3},
				Listen: []config.Listener{{Transport: config.UDP, Addr: netip.MustParseAddrPort("203.0.113.10:5060")}},
				Media:  []config.MediaAddress{{Addr: netip.MustParseAddr("203.0.113.10"), Advertise: netip.MustParseAddr("203.0.113.10"), Ports: ports}},
				UDPMax: 1300,
			},
		},
		Peers: []config.Peer{
			{
				Name: "pbx", Pos: config.Pos{Line: 6, Col: 3}, Zone: "inside", SIP: sip,
				Addresses: []config.Target{{Host: "10.0.0.20", Weight: 1, Raw: "sip:10.0.0.20"}},
				Source:    []netip.Prefix{netip.MustParsePrefix("10.0.0.20/32")},
			},
			{
				Name: "carrier", Pos: config.Pos{Line: 7, Col: 3}, Zone: "outside", SIP: sip,
				Addresses: []config.Target{{Host: "192.0.2.1", Port: 5070, Weight: 1, Raw: "sip:192.0.2.1:5070"}},
				Source:    []netip.Prefix{netip.PrefixFrom(carrier, 32)},
			},
		},
		Routes: []config.Route{
			{Name: "route-1", Pos: config.Pos{Line: 9, Col: 5}, From: []string{"pbx"}, To: []string{"carrier"}},
			{Name: "route-2", Pos: config.Pos{Line: 10, Col: 5}, From: []string{"carrier"}, To: []string{"pbx"}},
		},
		Media: config.Media{Path: config.PathAuto, Timeout: time.Minute},
		Log:   config.Log{Level: "info"},
		Security: config.Security{
			Ban:       config.Ban{After: 20, For: 10 * time.Minute},
			Strangers: config.Strangers{Rate: 50, Burst: 100, Total: 2000},
		},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got\n%+v\nwant\n%+v", c, want)
	}
}

func TestLoad_Unknown_DefaultFollowsTrust(t *testing.T) {
	for settings, want := range map[string]config.Unknown{
		"":                               config.UnknownDrop,
		"trust: none, ":                  config.UnknownDrop,
		"trust: full, ":                  config.UnknownReject,
		"unknown: reject, ":              config.UnknownReject,
		"trust: full, unknown: drop, ":   config.UnknownDrop,
		"unknown: drop, trust: full, ":   config.UnknownDrop,
		"trust: none, unknown: reject, ": config.UnknownReject,
	} {
		c := mustLoad(t, strings.Replace(smallest, "inside: {", "inside: {"+settings, 1))
		if got := c.Zones[0].Unknown; got != want {
			t.Errorf("%q gives %v, want %v", settings, got, want)
		}
	}
}

func TestLoad_EvenHighPort_IsDroppedFromThePool(t *testing.T) {
	c := mustLoad(t, strings.Replace(smallest, "16384-32767", "10000-20000", 1))
	if got := c.Zones[0].Media[0].Ports; got != (config.PortRange{Low: 10000, High: 19999}) || got.Len()%2 != 0 {
		t.Errorf("got %v", got)
	}
}

func TestLoad_AliasesAndMerges_AreFollowed(t *testing.T) {
	c := mustLoad(t, `
zones:
  inside: &base
    listen: [udp://10.0.0.1:5060]
    trust: full
    media: &pool {address: 10.0.0.1, ports: 16384-32767}
  outside:
    <<: *base
    listen: [udp://10.0.0.2:5060]
    media: {<<: [*pool], address: 10.0.0.2}
peers:
  pbx: {zone: inside, address: sip:10.0.0.20}
  carrier: {zone: outside, address: sip:10.0.0.30, sip: &slow {ring_timeout: 10s}}
  other: {zone: outside, address: sip:10.0.0.31, sip: *slow}
routes:
  - {from: [pbx, other], to: &c [carrier]}
  - {from: carrier, to: [pbx, other]}
`)
	out := c.Zones[1]
	if out.Trust != config.TrustFull || out.Media[0].Addr.String() != "10.0.0.2" || out.Media[0].Ports.High != 32767 || len(out.Listen) != 1 || out.Listen[0].Addr.Addr().String() != "10.0.0.2" {
		t.Errorf("got %+v", out)
	}
	if c.Peers[2].SIP.RingTimeout != 10*time.Second {
		t.Errorf("got %+v", c.Peers[2])
	}
}

func TestLoad_MistakeInsideAnAlias_PointsAtItsSource(t *testing.T) {
	_, _, err := config.Load("t.yaml", []byte("zones:\n  a: &a\n    trust: maybe\n    listen: [udp://10.0.0.1:5060]\n  b: *a\npeers:\n"))
	if err == nil || !strings.Contains(err.Error(), "t.yaml:3:12: zones.a.trust: \"maybe\" unknown") || !strings.Contains(err.Error(), "t.yaml:3:12: zones.b.trust:") {
		t.Errorf("got %v", err)
	}
}

func TestLoad_Bytes_AreNotKept(t *testing.T) {
	data := []byte(smallest)
	c, _, err := config.Load("t.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if c.Zones[0].Name != "inside" || c.Peers[0].Addresses[0].Raw != "sip:10.0.0.20" {
		t.Errorf("got %+v", c)
	}
}

func withAdmin(admin string) string { return smallest + "admin: " + admin + "\n" }

func TestLoad_AdminListen_DefaultAndLoopback(t *testing.T) {
	t.Setenv("GATEHOUSE_TEST_TOKEN", "s3cret-canary-in-the-mine")
	for admin, want := range map[string]string{
		"":                           "127.0.0.1:8060",
		"{}":                         "127.0.0.1:8060",
		`{listen: "127.0.0.2:0"}`:    "127.0.0.2:0",
		`{listen: "[::1]:8060"}`:     "[::1]:8060",
		`{listen: "0.0.0.0:8060"}`:   "",
		`{listen: "10.0.0.1:8060"}`:  "",
		`{listen: "[::]:8060"}`:      "",
		`{listen: ":8060"}`:          "",
		`{listen: "localhost:8060"}`: "",
		`{listen: "0.0.0.0:8060", token_file: x}`:                                   "0.0.0.0:8060",
		`{listen: "0.0.0.0:8060", token: "${GATEHOUSE_TEST_TOKEN}"}`:                "0.0.0.0:8060",
		`{listen: "0.0.0.0:8060", token: "${GATEHOUSE_TEST_UNSET}"}`:                "",
		`{listen: "0.0.0.0:8060", token: "$GATEHOUSE_TEST_TOKEN"}`:                  "",
		`{listen: "0.0.0.0:8060", token: "x${GATEHOUSE_TEST_TOKEN}"}`:               "",
		`{listen: "0.0.0.0:8060", token: "${GATEHOUSE_TEST_TOKEN"}`:                 "",
		`{listen: "0.0.0.0:8060", token: "${}"}`:                                    "",
		`{listen: "0.0.0.0:8060", token: [a]}`:                                      "",
		`{token_file: "${GATEHOUSE_TEST_TOKEN}"}`:                                   "",
		`{listen: "0.0.0.0:8060", token: "${GATEHOUSE_TEST_TOKEN}", token_file: x}`: "",
	} {
		c, _, err := config.Load("t.yaml", []byte(withAdmin(admin)))
		switch {
		case want == "" && err == nil:
			t.Errorf("%s was accepted", admin)
		case want != "" && err != nil:
			t.Errorf("%s: %v", admin, err)
		case want != "" && c.Admin.Listen.String() != want:
			t.Errorf("%s gives %v, want %s", admin, c.Admin.Listen, want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("the secret is printed: %v", err)
		}
	}
	if c := mustLoad(t, smallest); c.Admin.Listen.IsValid() {
		t.Errorf("a listener without an admin section: %v", c.Admin.Listen)
	}
}

func TestLoad_Secret_IsNeverPrinted(t *testing.T) {
	t.Setenv("GATEHOUSE_TEST_TOKEN", "s3cret-canary-in-the-mine")
	c := mustLoad(t, withAdmin(`{token: "${GATEHOUSE_TEST_TOKEN}"}`))
	if c.Admin.Token.Reveal() != "s3cret-canary-in-the-mine" || c.Admin.Token.IsZero() {
		t.Fatal("the token is lost")
	}
	asJSON, err := json.Marshal(c.Admin.Token)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(map[string]any{"token": c.Admin.Token})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%v %s %q %x", c.Admin.Token, c.Admin.Token, c.Admin.Token, c.Admin.Token),
		fmt.Sprintf("%#v", *c), string(asJSON), string(asYAML),
	} {
		if strings.Contains(text, "canary") || strings.Contains(text, fmt.Sprintf("%x", "canary")) {
			t.Errorf("the secret is printed: %s", text)
		}
	}
	if (config.Secret{}).String() != "" {
		t.Error("no secret looks like one")
	}
}

// writeFiles makes a directory with a configuration and its secret.
func writeFiles(t *testing.T, admin, secret string, mode os.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "gatehouse.yaml")
	if err := os.WriteFile(path, []byte(withAdmin(admin)+"cdr: {file: cdr.jsonl}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte(secret), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "token"), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadFile_RelativePaths_CountFromTheFile(t *testing.T) {
	path := writeFiles(t, `{listen: "0.0.0.0:8060", token_file: token}`, "s3cret-canary-in-the-mine\n", 0o600)
	c, warnings, err := config.LoadFile(path)
	if err != nil || len(warnings) != 0 {
		t.Fatalf("got %v, %v", warnings, err)
	}
	dir := filepath.Dir(path)
	if c.Admin.TokenFile != filepath.Join(dir, "token") || c.Admin.Token.Reveal() != "s3cret-canary-in-the-mine" || c.CDR.File != filepath.Join(dir, "cdr.jsonl") || c.Path != path {
		t.Errorf("got %+v", c)
	}
}

func TestLoadFile_OpenSecret_IsAWarning(t *testing.T) {
	path := writeFiles(t, `{token_file: token}`, "s3cret-canary-in-the-mine\n", 0o644)
	_, warnings, err := config.LoadFile(path)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].String(), ":11:21: admin.token_file: ") || !strings.Contains(warnings[0].Message, "mode 0644") {
		t.Errorf("got %v, %v", warnings, err)
	}
}

func TestLoadFile_BadSecret_IsAMistakeWithItsPlace(t *testing.T) {
	for secret, want := range map[string]string{
		"":                        "the token is empty",
		" \n":                     "the token is empty",
		"two words":               "one line of ASCII",
		"two\nlines":              "one line of ASCII",
		"caf\u00e9":               "one line of ASCII",
		strings.Repeat("x", 5000): "longer than 4096 bytes",
		strings.Repeat("x", 15):   "shorter than 16 characters",
		"null\x00byte":            "one line of ASCII",
	} {
		_, _, err := config.LoadFile(writeFiles(t, `{token_file: token}`, secret, 0o600))
		var list config.Errors
		if !errors.As(err, &list) || len(list) != 1 || list[0].Path != "admin.token_file" || !strings.Contains(list[0].Message, want) {
			t.Errorf("%.20q gives %v", secret, err)
		}
	}
	_, _, err := config.LoadFile(writeFiles(t, `{token_file: missing}`, "x", 0o600))
	if err == nil || !strings.Contains(err.Error(), "admin.token_file: the token cannot be read") || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
}

func TestLoadFile_Unreadable_IsNotAMistakeInTheFile(t *testing.T) {
	var list config.Errors
	if _, _, err := config.LoadFile(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, os.ErrNotExist) || errors.As(err, &list) {
		t.Errorf("got %v", err)
	}
	if _, _, err := config.LoadFile(t.TempDir()); err == nil || errors.As(err, &list) {
		t.Errorf("got %v", err)
	}
}

func TestLoadFile_EndlessFile_IsCut(t *testing.T) {
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip("no /dev/zero")
	}
	if _, _, err := config.LoadFile("/dev/zero"); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("got %v", err)
	}
}

func TestLoad_RouteBehindAMesh_IsReachable(t *testing.T) {
	// The first route has no target for calls of pbx itself, so they go on to the second.
	_, warnings, err := config.Load("t.yaml", []byte(strings.Replace(smallest, "routes:\n", "routes:\n  - {from: [pbx, carrier], to: pbx}\n", 1)))
	if err != nil || len(warnings) != 1 || warnings[0].Path != "routes[2]" || !strings.HasSuffix(warnings[0].Message, "route route-1 takes them") {
		t.Errorf("got %v, %v", warnings, err)
	}
}

func TestLoad_TooMany_IsRefused(t *testing.T) {
	list := func(n int, item string) string {
		var items []string
		for i := range n {
			items = append(items, strings.ReplaceAll(item, "#", fmt.Sprint(i)))
		}
		return strings.Join(items, ", ")
	}
	for want, text := range map[string]string{
		"t.yaml:1:8: zones: more than 64 zones":                         "zones: {" + list(65, "z#: {}") + "}",
		"t.yaml:1:21: zones.z.listen: more than 32 listeners":           "zones: {z: {listen: [" + list(33, "udp://10.0.0.1:#") + "]}}",
		"t.yaml:1:20: zones.z.media: more than 32 media addresses":      "zones: {z: {media: [" + list(33, "{}") + "]}}",
		"t.yaml:1:22: peers.p.address: more than 16 addresses":          "peers: {p: {address: [" + list(17, "sip:10.0.0.#") + "]}}",
		"t.yaml:1:34: zones.z.websocket.origins: more than 256 origins": "zones: {z: {websocket: {origins: [" + list(257, "https://a#") + "]}}}",
		"t.yaml:1:16: dns.servers: more than 8 DNS servers":             "dns: {servers: [" + list(9, "192.0.2.#") + "]}",
		"t.yaml:1:15: routes[0].to: more than 64 targets":               "routes: [{to: [" + list(65, "p#") + "]}]",
	} {
		if _, _, err := config.Load("t.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestLoad_RouteWithOneServedCaller_IsJudgedByThatCaller(t *testing.T) {
	// The second route has no target for pbx, and the first takes all calls of carrier.
	routes := "routes:\n  - {from: carrier, to: pbx}\n  - {from: [pbx, carrier], to: pbx}\n"
	_, warnings, err := config.Load("t.yaml", []byte(smallest[:strings.Index(smallest, "routes:")]+routes))
	if err != nil || len(warnings) != 1 || warnings[0].Path != "routes[1]" {
		t.Errorf("got %v, %v", warnings, err)
	}
}

func TestLoad_UnsetVariable_IsNamed(t *testing.T) {
	_, _, err := config.Load("t.yaml", []byte(withAdmin(`{token: "${GATEHOUSE_TEST_UNSET}"}`)))
	if err == nil || !strings.HasSuffix(err.Error(), "admin.token: the environment variable GATEHOUSE_TEST_UNSET is not set") {
		t.Errorf("got %v", err)
	}
}

func TestLoad_AdminBesideUDP_IsNoClash(t *testing.T) {
	if c := mustLoad(t, withAdmin(`{listen: "10.0.0.1:5060", token_file: x}`)); c.Admin.Listen.Port() != 5060 {
		t.Errorf("got %v", c.Admin.Listen)
	}
}

func TestLoad_SharedAddressSpace_IsPrivate(t *testing.T) {
	_, warnings, err := config.Load("t.yaml", []byte(strings.ReplaceAll(smallest, "203.0.113.10", "100.64.0.5")))
	if err != nil || len(warnings) != 2 || !strings.Contains(warnings[0].Message, "show the private 100.64.0.5: set advertise") {
		t.Errorf("got %v, %v", warnings, err)
	}
	advertised := strings.Replace(strings.ReplaceAll(smallest, "203.0.113.10", "100.64.0.5"), "outside: {", "outside: {advertise: sbc.example.com, ", 1)
	_, warnings, err = config.Load("t.yaml", []byte(advertised))
	if err != nil || len(warnings) != 1 || warnings[0].Path != "zones.outside.media" {
		t.Errorf("got %v, %v", warnings, err)
	}
}
