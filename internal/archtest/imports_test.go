package archtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// arrows is the table: what each package of ours may import of ours, in its code. A name ending in /... is the folder and all below it. A
// package that is not here is unknown, and a new arrow is a decision: change the table in the same commit that says why.
var arrows = map[string][]string{
	// The commands read files and check them; what runs is app's.
	"cmd/gatehouse": {"internal/app", "internal/admin", "internal/demo", "config", "config/check"},
	"internal/app": {"internal/demo", "internal/demo/papers", "internal/admin", "internal/store", "internal/observe/...", "b2bua", "b2bua/record", "media/anchor", "policy/...",
		"nat/...", "sip/...", "config", "config/check", "media/profile"},

	// Signalling: knows nothing of calls, of media or of us.
	"sip/uri":       {},
	"sip/grammar":   {},
	"sip/mime":      {"sip/grammar"},
	"sip/msg":       {"sip/grammar", "sip/uri"},
	"sip/token":     {},
	"sip/timer":     {},
	"sip/txn":       {"sip/grammar", "sip/msg", "sip/timer"},
	"sip/secure":    {},
	"sip/transport": {"sip/grammar", "sip/msg", "sip/secure", "sip/transport/datagram", "sip/transport/stream", "sip/resolve"},
	// One connection, with its layers, as messages in both directions; and WebSocket, an adaptation of its own.
	"sip/transport/stream":   {"sip/grammar", "sip/msg", "sip/transport/ws"},
	"sip/transport/datagram": {},
	"sip/transport/ws":       {},
	"sip/resolve":            {},

	// Calls. Media, stores and recorders are interfaces declared here; app wires them. Of config only the values a policy/engine.Zone or Peer holds
	// (trust, unknown) are used.
	"b2bua":          {"b2bua/call", "b2bua/content", "b2bua/crossing", "b2bua/dialog", "b2bua/offer", "b2bua/path", "b2bua/record", "sip/...", "media/sdp", "media/profile", "policy/engine", "nat/contact", "config"},
	"b2bua/call":     {"b2bua/content", "b2bua/crossing", "b2bua/dialog", "b2bua/offer", "b2bua/path", "b2bua/record", "b2bua/transfer", "b2bua/verdict", "sip/...", "media/sdp", "media/profile", "policy/engine", "nat/contact", "config"},
	"b2bua/content":  {"sip/mime", "sip/msg", "media/sdp"},
	"b2bua/crossing": {"sip/...", "policy/engine", "config"},
	"b2bua/dialog":   {"sip/...", "media/sdp", "media/profile", "policy/engine", "nat/contact"},
	"b2bua/offer":    {"sip/...", "media/sdp", "media/profile", "policy/engine", "nat/contact"},
	"b2bua/path":     {"policy/engine", "sip/msg", "sip/resolve", "sip/transport", "sip/uri"},
	"b2bua/record":   {"b2bua/crossing", "media/profile", "sip/msg", "sip/uri"},
	"b2bua/transfer": {"b2bua/dialog", "sip/...", "media/sdp", "media/profile", "policy/engine", "nat/contact"},
	"b2bua/verdict":  {"b2bua/content", "b2bua/crossing", "b2bua/offer", "media/profile", "sip/msg"},
	"b2bua/event":    {"b2bua/dialog", "sip/...", "policy/engine", "nat/contact"},
	"b2bua/register": {"sip/...", "policy/engine", "nat/contact"},

	// Media: knows nothing of SIP, of calls or of policy.
	"media/sdp":      {},
	"media/profile":  {},
	"media/rtp":      {},
	"media/flow":     {"media/profile", "media/rtp"},
	"media/ports":    {"media/profile"},
	"media/portable": {"media/profile", "media/rtp", "media/flow", "media/ports"},
	"media/steer":    {"media/profile", "media/rtp", "media/flow", "media/ports"},
	"media/kernel":   {"media/profile", "media/rtp", "media/flow", "media/ports"},
	"media/srtp":     {"media/profile", "media/rtp"},
	"media/dtls":     {"media/profile"},
	"media/quality":  {"media/profile", "media/rtp"},
	"media/anchor":   {"media/...", "nat/ice"},

	"nat/stun":      {},
	"nat/ice":       {"nat/stun"},
	"nat/contact":   {"sip/msg", "sip/uri"},
	"nat/keepalive": {"sip/msg", "sip/uri"},

	"policy/engine": {"policy/acl", "policy/limit", "policy/route", "policy/normalize", "policy/number", "policy/identity", "policy/leak",
		"config", "sip/msg", "sip/uri", "media/sdp", "media/profile"},
	"policy/acl":       {"config"},
	"policy/limit":     {"config"},
	"policy/route":     {"config", "sip/msg", "sip/uri"},
	"policy/normalize": {"config", "sip/msg", "sip/uri", "media/sdp", "media/profile"},
	"policy/number":    {"config", "sip/uri"},
	"policy/identity":  {"config", "sip/msg", "sip/uri"},
	"policy/leak":      {"config", "sip/msg", "sip/uri", "media/sdp"},

	// Configuration reads nobody but its own parts: the reader of strict YAML below them, the values, the text of the reference and the files it points to.
	"config":           {"config/diff", "config/files", "config/reference", "config/strict", "config/value"},
	"config/diff":      {},
	"config/files":     {"config/reference", "config/strict", "config/value"},
	"config/reference": {"config/strict", "config/value"},
	"config/strict":    {},
	"config/value":     {"config/strict"},
	"config/check":     {"config"},
	"config/docgen":    {"config"},

	// What stands beside the calls: given values, never asked for them.
	"internal/admin":       {"internal/observe/..."},
	"internal/store":       {},
	"internal/observe":     {},
	"internal/observe/...": {"internal/observe/...", "b2bua/record", "media/profile"},
	"internal/demo/papers": {},
	"internal/demo":        {"internal/demo/papers", "sip/...", "media/sdp", "media/rtp", "media/profile", "config"},
	"internal/archtest":    {},
	"internal/testlab":     {},
	// A testlab package stands in for a neighbour of what it tests, so it speaks its language.
	"internal/testlab/...": {"sip/...", "media/sdp", "media/rtp", "media/profile", "config", "internal/demo", "internal/testlab/..."},

	// The end-to-end tests drive the binary from outside: they may read messages as we do, never the engine.
	"scripts/interop": {},
	"scripts/lab":     {},
	// A module of its own, for what it needs that we do not: it reads the message of a benchmark as we do.
	"scripts/bench/parse": {},
}

// testArrows is what the tests of every package may import beyond its row: the leaves, the configuration, and the laboratory.
var testArrows = []string{"sip/uri", "sip/msg", "sip/token", "sip/timer", "sip/transport", "media/sdp", "media/profile", "media/rtp", "config",
	"policy/engine", "internal/testlab/...", "internal/demo"}

// never are the arrows no row of the table may allow, whatever it says, tests included.
var never = [][2]string{
	{"sip/...", "b2bua/..."}, {"sip/...", "media/..."}, {"sip/...", "policy/..."},
	{"b2bua/...", "media/anchor"}, {"b2bua/...", "internal/app"},
	{"media/...", "sip/..."}, {"media/...", "b2bua/..."}, {"media/...", "policy/..."},
	{"policy/...", "b2bua/..."},
	{"config", "sip/..."}, {"config", "b2bua/..."}, {"config", "media/..."}, {"config", "policy/..."}, {"config", "internal/..."},
}

// within tells whether a package is the one named or, with /..., below it.
func within(pkg, pattern string) bool {
	if folder, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == folder || strings.HasPrefix(pkg, folder+"/")
	}
	return pkg == pattern
}

// row finds the row of a package: its own, else that of the folder it is in.
func row(table map[string][]string, pkg string) ([]string, bool) {
	if allowed, ok := table[pkg]; ok {
		return allowed, true
	}
	for pattern, allowed := range table {
		if strings.HasSuffix(pattern, "/...") && within(pkg, pattern) {
			return allowed, true
		}
	}
	return nil, false
}

func importRule(tr *tree) []string {
	var out []string
	unknown := map[string]bool{}
	for _, s := range tr.code {
		allowed, ok := row(arrows, s.pkg)
		if !ok {
			if !unknown[s.pkg] {
				out = append(out, fmt.Sprintf("%s: package %s is not in the table of imports", s.path, s.pkg))
			}
			unknown[s.pkg] = true
			continue
		}
		for _, name := range s.imports() {
			if !mayImport(s, allowed, name) {
				out = append(out, fmt.Sprintf("%s: new arrow %s -> %s", s.path, s.pkg, name))
			}
		}
	}
	return out
}

func mayImport(s source, allowed []string, name string) bool {
	if name == s.pkg { // the external test package of a folder
		return true
	}
	for _, n := range never {
		if !s.test && within(s.pkg, n[0]) && within(name, n[1]) {
			return false
		}
	}
	in := func(pattern string) bool { return within(name, pattern) }
	if slices.ContainsFunc(allowed, in) {
		return true
	}
	return s.test && slices.ContainsFunc(testArrows, in)
}

func TestImports_OurTree_FollowsTheTable(t *testing.T) { holds(t, importRule) }

func TestImports_NewArrow_IsReported(t *testing.T) {
	bites(t, importRule, "new arrow sip/msg -> b2bua", map[string]string{
		"sip/msg/a.go": "package msg\n\nimport _ \"gatehouse/b2bua\"\n",
	})
	bites(t, importRule, "not in the table", map[string]string{"sip/other/a.go": "package other\n"})
	bites(t, importRule, "new arrow b2bua -> media/anchor", map[string]string{
		"b2bua/a.go": "package b2bua\n\nimport _ \"gatehouse/media/anchor\"\n",
	})
	// Only tests may use the laboratory.
	bites(t, importRule, "new arrow b2bua -> internal/testlab/memnet", map[string]string{
		"b2bua/a.go": "package b2bua\n\nimport _ \"gatehouse/internal/testlab/memnet\"\n",
	})
	passes(t, importRule, map[string]string{
		"b2bua/a.go":      "package b2bua\n\nimport _ \"gatehouse/sip/msg\"\n",
		"b2bua/a_test.go": "package b2bua_test\n\nimport (\n_ \"gatehouse/b2bua\"\n_ \"gatehouse/internal/testlab/memnet\"\n)\n",
	})
}

// TestImports_Table_AllowsNothingForbidden keeps the table itself honest: a wide row (media/...) must not open what is never allowed.
func TestImports_Table_AllowsNothingForbidden(t *testing.T) {
	for pkg, allowed := range arrows {
		for _, name := range allowed {
			for _, n := range never {
				if within(pkg, n[0]) && within(name, n[1]) {
					t.Errorf("the table lets %s import %s", pkg, name)
				}
			}
		}
	}
}
