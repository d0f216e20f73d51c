package admin

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

func someBans() []Ban {
	since := time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC)
	return []Ban{
		{Source: "192.0.2.7", Reason: "framing", Since: since, Until: since.Add(10 * time.Minute), Offences: 20},
		{Source: "2001:db8:1:2::/64", Reason: "malformed", Since: since, Until: since.Add(time.Minute), Offences: 31, DryRun: true},
	}
}

func TestBans_None_IsAnEmptyList(t *testing.T) {
	s := serve(t, options(&fake{}, ""))
	if w := ask(s, "GET", "/api/v1/bans", nil); w.Code != 200 || w.Body.String() != `{"bans":[]}`+"\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestUnban_EveryForm_ReachesTheGatewayAsWritten(t *testing.T) {
	g := &fake{bans: someBans()}
	s := serve(t, options(g, ""))
	for path, code := range map[string]int{
		"/api/v1/bans/192.0.2.7":             200,
		"/api/v1/bans/2001:db8:1:2::%2F64":   200,
		"/api/v1/bans/192.0.2.8":             404,
		"/api/v1/bans/%3Cscript%3E":          404,
		"/api/v1/bans/2001:db8:1:2::/64/any": 404,
	} {
		w := ask(s, "DELETE", path, nil)
		if w.Code != code || strings.Contains(w.Body.String(), "script") {
			t.Errorf("DELETE %s gives %d %s", path, w.Code, w.Body)
		}
	}
	if len(g.bans) != 0 {
		t.Errorf("left: %v; asked for: %q", g.bans, g.unbanned)
	}
}

func TestUnban_FromAnotherSite_403(t *testing.T) {
	g := &fake{bans: someBans()}
	s := serve(t, options(g, ""))
	if w := ask(s, "DELETE", "/api/v1/bans/192.0.2.7", map[string]string{"Origin": "https://evil.example"}); w.Code != http.StatusForbidden || len(g.unbanned) > 0 {
		t.Errorf("status %d, asked for: %q", w.Code, g.unbanned)
	}
}

func TestClient_Bans_ListsAndEnds(t *testing.T) {
	g := &fake{bans: someBans()}
	s := serve(t, options(g, token))
	c, err := NewClient("http://"+s.Addr().String()+"/", token)
	if err != nil {
		t.Fatal(err)
	}
	bans, raw, err := c.Bans(t.Context())
	if err != nil || !reflect.DeepEqual(bans, someBans()) || !json.Valid(raw) {
		t.Errorf("%+v %s, %v", bans, raw, err)
	}
	if err := c.Unban(t.Context(), "2001:db8:1:2::/64"); err != nil || len(g.bans) != 1 {
		t.Errorf("%v, left %v", err, g.bans)
	}
	if err := c.Unban(t.Context(), "2001:db8:1:2::/64"); err == nil || !strings.Contains(err.Error(), "no such ban") {
		t.Errorf("a second time: %v", err)
	}
	// What is no source must not become another path of the API.
	if err := c.Unban(t.Context(), "../drain"); err == nil || g.drains > 0 || g.unbanned[len(g.unbanned)-1] != "../drain" {
		t.Errorf("%v, asked for %q", err, g.unbanned)
	}
}

func TestClient_Refused_SaysWhatTheGatewaySaid(t *testing.T) {
	s := serve(t, options(&fake{}, token))
	c, err := NewClient("http://"+s.Addr().String(), "another-token-of-enough")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Bans(t.Context()); err == nil || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "another-token") {
		t.Errorf("wrong token: %v", err)
	}
}

func TestClient_OtherServers_AreNotTakenForAGateway(t *testing.T) {
	var got []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = append(got, r.Header.Get("Authorization")) }))
	defer other.Close()
	for name, h := range map[string]http.HandlerFunc{
		"a page":        func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"an error page": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) },
		"another place": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) },
		"another shape": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"bans":"none"}`)) },
	} {
		server := httptest.NewServer(h)
		c, err := NewClient(server.URL, token)
		if err != nil {
			t.Fatal(err)
		}
		if bans, _, err := c.Bans(t.Context()); err == nil || strings.Contains(err.Error(), "<") {
			t.Errorf("%s: %v, %v", name, bans, err)
		}
		server.Close()
	}
	if len(got) > 0 {
		t.Errorf("a redirection was followed, with %q", got)
	}
}

func TestNewClient_Addresses(t *testing.T) {
	for _, bad := range []string{"", "127.0.0.1:8060", "ftp://x", "http://", "http://user:secret@x", "http://x?y", "http://x#y", "http://x:y", "unix:/x"} {
		if _, err := NewClient(bad, ""); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
