package route_test

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/config"
	"gatehouse/policy/route"
)

// table compiles routes whose targets are the names of the peers themselves.
func table(t *testing.T, routes ...config.Route) *route.Table[string] {
	t.Helper()
	tab, err := route.New(routes, known)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func known(peer string) (string, bool) { return peer, peer != "nobody" }

func TestFind_FirstRouteThatFits_Wins(t *testing.T) {
	tab := table(t,
		config.Route{Name: "emergency", Pos: config.Pos{Line: 7}, From: []string{"pbx"}, Called: []string{"911", "112"}, To: []string{"psap"}},
		config.Route{Name: "world", From: []string{"pbx", "annex"}, Called: []string{"+*", "00*"}, To: []string{"carrier", "backup"}},
		config.Route{Name: "chicago", From: []string{"pbx"}, Called: []string{"+1312*"}, To: []string{"local"}},
		config.Route{Name: "in", From: []string{"carrier"}, To: []string{"pbx"}},
	)
	for _, c := range []struct{ from, called, route, targets string }{
		{"pbx", "911", "emergency", "psap"},
		{"pbx", "+13125550100", "world", "carrier,backup"},
		{"annex", "0049301234", "world", "carrier,backup"},
		{"annex", "911", "", ""},
		{"pbx", "200", "", ""},
		{"pbx", "", "", ""},
		{"carrier", "", "in", "pbx"},
		{"carrier", "anything at all", "in", "pbx"},
		{"stranger", "911", "", ""},
		{"", "911", "", ""},
		{"pbx", "9-1-1", "", ""},
	} {
		r := tab.Find(c.from, c.called)
		switch {
		case r == nil && c.route != "":
			t.Errorf("%s calls %q: no route, want %s", c.from, c.called, c.route)
		case r != nil && (r.Name != c.route || strings.Join(r.Targets, ",") != c.targets):
			t.Errorf("%s calls %q: %s to %v, want %s to %s", c.from, c.called, r.Name, r.Targets, c.route, c.targets)
		}
	}
	if r := tab.Find("pbx", "112"); r.Line != 7 {
		t.Errorf("line %d", r.Line)
	}
}

func TestFind_CallingPeer_IsNoTargetUnlessTheRouteIsItsOwn(t *testing.T) {
	tab := table(t,
		config.Route{Name: "mesh", From: []string{"a", "b"}, Called: []string{"1*"}, To: []string{"a", "b", "c"}},
		config.Route{Name: "only", From: []string{"a", "b"}, Called: []string{"2*"}, To: []string{"a"}},
		config.Route{Name: "hairpin", From: []string{"a"}, Called: []string{"2*", "3*"}, To: []string{"b", "a"}},
	)
	for _, c := range []struct {
		from, called, route string
		targets             []string
	}{
		{"a", "1", "mesh", []string{"b", "c"}},
		{"b", "1", "mesh", []string{"a", "c"}},
		{"b", "2", "only", []string{"a"}},
		{"a", "2", "hairpin", []string{"b", "a"}}, // "only" has nobody left for a
		{"a", "3", "hairpin", []string{"b", "a"}},
	} {
		r := tab.Find(c.from, c.called)
		if r == nil || r.Name != c.route || !slices.Equal(r.Targets, c.targets) {
			t.Errorf("%s calls %s: %+v, want %s to %v", c.from, c.called, r, c.route, c.targets)
		}
	}
}

func TestNew_BrokenRoutes_AreRefused(t *testing.T) {
	for _, r := range []config.Route{
		{Name: "r", From: []string{"nobody"}, To: []string{"a"}},
		{Name: "r", From: []string{"a"}, To: []string{"nobody"}},
		{Name: "r", From: []string{"a"}, To: []string{"b"}, Called: []string{"a*b"}},
	} {
		if _, err := route.New([]config.Route{r}, known); err == nil || !strings.HasPrefix(err.Error(), "route r: ") {
			t.Errorf("%+v gives %v", r, err)
		}
	}
}

func TestFind_Allocs_None(t *testing.T) {
	tab := table(t, config.Route{Name: "world", From: []string{"pbx"}, Called: []string{"+*", "*00*", "*1"}, To: []string{"carrier"}})
	if n := testing.AllocsPerRun(100, func() { tab.Find("pbx", "4930123") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
