package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/internal/testlab"
)

const token = "a-token-of-enough-length"

// fake is a gateway that counts what it is asked to do.
type fake struct {
	calls    []Call
	err      error
	ready    error
	reloads  int
	drains   int
	reloaded error
	bans     []Ban
	unbanned []string
}

func (f *fake) Bans() []Ban { return f.bans }

func (f *fake) Unban(source string) bool {
	f.unbanned = append(f.unbanned, source)
	for i, b := range f.bans {
		if b.Source == source {
			f.bans = slices.Delete(f.bans, i, i+1)
			return true
		}
	}
	return false
}

func (f *fake) Calls(context.Context) ([]Call, error) { return f.calls, f.err }

func (f *fake) Call(_ context.Context, id string) (Call, bool, error) {
	for _, c := range f.calls {
		if c.ID == id {
			return c, true, f.err
		}
	}
	return Call{}, false, f.err
}

func (f *fake) Reload(context.Context) error { f.reloads++; return f.reloaded }
func (f *fake) Drain()                       { f.drains++ }
func (f *fake) Ready() error                 { return f.ready }

func options(g Gateway, token string) Options {
	return Options{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Token: token, Gateway: g, Log: zerolog.Nop(),
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "gatehouse_calls_active 0\n") })}
}

func serve(t *testing.T, o Options) *Server {
	t.Helper()
	testlab.NoLeaks(t)
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ask sends one request through every check and gives the answer.
func ask(s *Server, method, path string, head map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Host = "127.0.0.1:8060"
	for k, v := range head {
		if k == "Host" {
			r.Host = v
		} else {
			r.Header.Set(k, v)
		}
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// everyRequest is each path with each method, known or not.
func everyRequest(s *Server) (out [][2]string) {
	add := func(path string) {
		for _, m := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} {
			out = append(out, [2]string{m, path})
		}
	}
	for _, p := range []string{"/", "/api", "/api/", "/api/v1/unknown", "/api/v1/calls/", "/API/v1/calls", "/healthz/", "/debug/pprof/"} {
		add(p)
	}
	for _, r := range s.routes() {
		add(literal(r.path))
	}
	return out
}

// literal fills the parameters of a path.
func literal(path string) string {
	return strings.NewReplacer("{id}", "1", "{source}", "192.0.2.1").Replace(path)
}

func TestServer_TokenMissingOrWrong_401ForEveryPathThatNeedsIt(t *testing.T) {
	g := &fake{calls: []Call{{ID: "1"}}}
	s := serve(t, options(g, token))
	for _, wrong := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Bearer " + token[1:], "Bearer " + token + "x", "Basic " + token, token,
		"Bearer  " + token, "Bearer " + strings.ToUpper(token)} {
		head := map[string]string{}
		if wrong != "" {
			head["Authorization"] = wrong
		}
		for _, r := range everyRequest(s) {
			w := ask(s, r[0], r[1], head)
			if r[1] == "/healthz" || r[1] == "/readyz" || r[1] == "/metrics" {
				if w.Code == http.StatusUnauthorized {
					t.Errorf("%s %s needs a token", r[0], r[1])
				}
				continue
			}
			if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" || strings.Contains(w.Body.String(), `"id"`) {
				t.Errorf("%q: %s %s gives %d", wrong, r[0], r[1], w.Code)
			}
		}
	}
	if g.reloads+g.drains+len(g.unbanned) > 0 {
		t.Errorf("%d reloads, %d drains, %d bans ended without a token", g.reloads, g.drains, len(g.unbanned))
	}
}

func TestServer_TwoAuthorizationHeaders_401(t *testing.T) {
	s := serve(t, options(&fake{}, token))
	r := httptest.NewRequest("GET", "/api/v1/calls", nil)
	r.Header["Authorization"] = []string{"Bearer " + token, "Bearer wrong"}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("status %d", w.Code)
	}
}

func TestServer_WithToken_EachRouteAndMethod(t *testing.T) {
	g := &fake{calls: []Call{{ID: "1"}}, bans: []Ban{{Source: "192.0.2.1"}}}
	s := serve(t, options(g, token))
	want := map[string]int{
		"GET /healthz": 200, "GET /readyz": 200, "GET /metrics": 200, "GET /api/v1/openapi.json": 200, "GET /api/v1/calls": 200,
		"GET /api/v1/calls/1": 200, "POST /api/v1/reload": 200, "POST /api/v1/drain": 202,
		"GET /api/v1/bans": 200, "DELETE /api/v1/bans/192.0.2.1": 200,
	}
	for _, r := range s.routes() {
		path := literal(r.path)
		for _, m := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"} {
			code, ok := want[m+" "+path]
			if m == "HEAD" {
				code, ok = want["GET "+path]
			}
			if !ok {
				code = http.StatusMethodNotAllowed
			}
			w := ask(s, m, path, map[string]string{"Authorization": "bearer " + token, "Host": "sbc.example.com"})
			if w.Code != code || code == 405 && w.Header().Get("Allow") == "" {
				t.Errorf("%s %s gives %d, want %d", m, path, w.Code, code)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s: headers %v", m, path, w.Header())
			}
		}
	}
	if g.reloads != 1 || g.drains != 1 {
		t.Errorf("%d reloads, %d drains", g.reloads, g.drains)
	}
	for _, p := range []string{"/", "/api/v1/unknown", "/debug/pprof/"} {
		if w := ask(s, "GET", p, map[string]string{"Authorization": "Bearer " + token}); w.Code != 404 {
			t.Errorf("%s gives %d", p, w.Code)
		}
	}
}

func TestServer_WithoutToken_RebindingAndOtherSites403(t *testing.T) {
	g := &fake{}
	s := serve(t, options(g, ""))
	for _, host := range []string{"evil.example", "evil.example:8060", "127.0.0.1.evil.example", "localhost.evil.example:8060", "10.0.0.1", "0.0.0.0:8060", "",
		"[2001:db8::1]:8060", "localhost:1:2", "128.0.0.1"} {
		for _, r := range everyRequest(s) {
			if w := ask(s, r[0], r[1], map[string]string{"Host": host}); w.Code != http.StatusForbidden {
				t.Errorf("host %q: %s %s gives %d", host, r[0], r[1], w.Code)
			}
		}
	}
	for _, head := range []map[string]string{{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}} {
		if w := ask(s, "POST", "/api/v1/drain", head); w.Code != http.StatusForbidden {
			t.Errorf("%v gives %d", head, w.Code)
		}
	}
	if g.drains+g.reloads > 0 {
		t.Error("a refused request had an effect")
	}
	for _, host := range []string{"127.0.0.1", "127.0.0.1:8060", "localhost", "LOCALHOST:8060", "[::1]:8060", "[::1]", "127.8.9.1:1", "[::ffff:127.0.0.1]:1"} {
		if w := ask(s, "GET", "/api/v1/calls", map[string]string{"Host": host}); w.Code != 200 {
			t.Errorf("host %q gives %d", host, w.Code)
		}
	}
	if w := ask(s, "POST", "/api/v1/drain", map[string]string{"Origin": "http://127.0.0.1:8060"}); w.Code != 202 {
		t.Errorf("same origin gives %d", w.Code)
	}
}

func TestOpen_Token_Rules(t *testing.T) {
	for _, bad := range []struct{ listen, token string }{{"0.0.0.0:0", ""}, {"[::]:0", ""}, {"192.0.2.1:0", ""}, {"127.0.0.1:0", "short"}, {"0.0.0.0:0", "short"}} {
		o := options(&fake{}, bad.token)
		o.Listen = netip.MustParseAddrPort(bad.listen)
		if s, err := Open(o); err == nil {
			_ = s.Close(t.Context())
			t.Errorf("%+v was accepted", bad)
		}
	}
	o := options(&fake{}, token)
	o.Listen = netip.MustParseAddrPort("0.0.0.0:0")
	s := serve(t, o)
	if err := s.SetToken(""); err == nil {
		t.Error("the token was removed from a public listener")
	}
	if err := s.SetToken("another-token-of-enough"); err != nil {
		t.Fatal(err)
	}
	for value, code := range map[string]int{token: 401, "another-token-of-enough": 200} {
		if w := ask(s, "GET", "/api/v1/calls", map[string]string{"Authorization": "Bearer " + value}); w.Code != code {
			t.Errorf("%s gives %d", value, w.Code)
		}
	}
}

func TestServer_Answers_EscapedAndComplete(t *testing.T) {
	answer := time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC)
	g := &fake{calls: []Call{{ID: "a<b", Caller: "<script>alert(1)</script>\r\nX: y", Answer: &answer, Legs: []Leg{{Peer: "pbx"}}}}}
	s := serve(t, options(g, ""))
	w := ask(s, "GET", "/api/v1/calls", nil)
	if body := w.Body.String(); strings.ContainsAny(body, "<>\r") || w.Header().Get("Content-Type") != jsonType {
		t.Errorf("body %s", body)
	}
	var list struct{ Calls []Call }
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || !reflect.DeepEqual(list.Calls, g.calls) {
		t.Errorf("got %+v, %v", list, err)
	}
	if w := ask(s, "GET", "/api/v1/calls/a%3Cb", nil); w.Code != 200 {
		t.Errorf("escaped id gives %d", w.Code)
	}
	if w := ask(s, "GET", "/api/v1/calls/%3Cscript%3E", nil); w.Code != 404 || strings.Contains(w.Body.String(), "script") {
		t.Errorf("unknown id gives %d %s", w.Code, w.Body)
	}
	g.calls = []Call{{ID: "1"}}
	if w := ask(s, "GET", "/api/v1/calls", nil); !strings.Contains(w.Body.String(), `"legs":[]`) {
		t.Errorf("a call without legs: %s", w.Body)
	}
	g.calls = nil
	if w := ask(s, "GET", "/api/v1/calls", nil); w.Body.String() != `{"calls":[]}`+"\n" {
		t.Errorf("no calls: %s", w.Body)
	}
}

func TestServer_GatewayFails_SaysSo(t *testing.T) {
	g := &fake{err: errors.New("shard 3 did not answer"), ready: errors.New("draining"),
		reloaded: errors.Join(errors.New("x.yaml:1:2: zones: missing"), errors.New("x.yaml:9:1: peers: <b>"))}
	s := serve(t, options(g, ""))
	for path, want := range map[string]string{"/api/v1/calls": "shard 3", "/api/v1/calls/1": "shard 3", "/readyz": "draining"} {
		if w := ask(s, "GET", path, nil); w.Code != 503 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s gives %d %s", path, w.Code, w.Body)
		}
	}
	w := ask(s, "POST", "/api/v1/reload", nil)
	var got failure
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 422 || len(got.Details) != 2 || got.Details[1] != "x.yaml:9:1: peers: <b>" {
		t.Errorf("%d %s, %v", w.Code, w.Body, err)
	}
	if w := ask(s, "GET", "/healthz", nil); w.Code != 200 {
		t.Errorf("alive gives %d", w.Code)
	}
}

// Who cannot get in must not be able to write a line for each attempt.
func TestServer_Refusals_GoToTheSampledLog(t *testing.T) {
	var main, noise bytes.Buffer
	o := options(&fake{}, token)
	o.Log, o.Noise = zerolog.New(&main), zerolog.New(&noise)
	s := serve(t, o)
	if w := ask(s, "GET", "/api/v1/calls", nil); w.Code != http.StatusUnauthorized {
		t.Fatalf("status %d", w.Code)
	}
	if main.Len() > 0 || strings.Count(noise.String(), "\n") != 1 || !strings.Contains(noise.String(), "api request refused") {
		t.Errorf("log %q, sampled %q", main.String(), noise.String())
	}
}

func TestServer_RealConnections_ServedCappedAndClosed(t *testing.T) {
	o := options(&fake{}, "")
	o.MaxConns = 3
	s := serve(t, o)
	url := "http://" + s.Addr().String()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 2 * o.MaxConns { // slots are given back
		resp, err := client.Get(url + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 || !bytes.Contains(b, []byte("gatehouse_calls_active")) {
			t.Fatalf("%d %s %v", resp.StatusCode, b, err)
		}
		_ = resp.Body.Close()
	}
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX: %s\r\n\r\n", strings.Repeat("x", 2*maxHeadBytes)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64)
	n, err := conn.Read(b)
	if err != nil || !bytes.Contains(b[:n], []byte(" 431 ")) {
		t.Errorf("a huge head gives %q, %v", b[:n], err)
	}
}

func TestCapped_Full_WaitsForSlot(t *testing.T) {
	testlab.NoLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := newCapped(l, 1)
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	a, b := dial(), dial()
	defer func() { _, _ = a.Close(), b.Close() }()
	first, err := c.Accept()
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn)
	go func() {
		conn, err := c.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- conn
	}()
	select {
	case <-accepted:
		t.Fatal("a second connection was accepted")
	case <-time.After(20 * time.Millisecond):
	}
	_ = first.Close()
	_ = first.Close() // gives its slot back once only
	_ = (<-accepted).Close()
	ended := make(chan error, 1)
	c.slots <- struct{}{} // full again
	go func() { _, err := c.Accept(); ended <- err }()
	_ = c.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

func TestOpenAPI_File_MatchesRoutesAndTypes(t *testing.T) {
	var doc struct {
		Paths      map[string]map[string]any
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	s := serve(t, options(&fake{}, ""))
	for _, r := range s.routes() {
		for m := range r.methods {
			if _, ok := doc.Paths[r.path][strings.ToLower(m)]; !ok && m != http.MethodHead {
				t.Errorf("%s %s is not described", m, r.path)
			}
		}
		delete(doc.Paths, r.path)
	}
	for p := range doc.Paths {
		t.Errorf("%s is described and not served", p)
	}
	for name, v := range map[string]any{"Ban": Ban{}, "Call": Call{}, "Leg": Leg{}, "Error": failure{}} {
		properties := doc.Components.Schemas[name].Properties
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			field, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if _, ok := properties[field]; !ok {
				t.Errorf("%s.%s is not described", name, field)
			}
			delete(properties, field)
		}
		for p := range properties {
			t.Errorf("%s.%s is described and not there", name, p)
		}
	}
	if w := ask(s, "GET", "/api/v1/openapi.json", nil); !bytes.Equal(w.Body.Bytes(), openAPI) {
		t.Error("another document is served")
	}
}
