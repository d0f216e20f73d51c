package admin

import (
	_ "embed"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

//go:embed openapi.json
var openAPI []byte

// route is one path of the API with what each method does there.
type route struct {
	path    string
	methods map[string]http.HandlerFunc
}

// routes lists everything served. HEAD goes with GET.
func (s *Server) routes() []route {
	get := func(h http.HandlerFunc) map[string]http.HandlerFunc {
		return map[string]http.HandlerFunc{http.MethodGet: h, http.MethodHead: h}
	}
	post := func(h http.HandlerFunc) map[string]http.HandlerFunc {
		return map[string]http.HandlerFunc{http.MethodPost: h}
	}
	remove := func(h http.HandlerFunc) map[string]http.HandlerFunc {
		return map[string]http.HandlerFunc{http.MethodDelete: h}
	}
	return []route{
		{"/healthz", get(s.healthz)},
		{"/readyz", get(s.readyz)},
		{"/metrics", get(s.metrics.ServeHTTP)},
		{"/api/v1/openapi.json", get(s.describe)},
		{"/api/v1/calls", get(s.calls)},
		{"/api/v1/calls/{id}", get(s.call)},
		{"/api/v1/bans", get(s.bans)},
		{"/api/v1/bans/{source}", remove(s.unban)},
		{"/api/v1/reload", post(s.reload)},
		{"/api/v1/drain", post(s.drain)},
	}
}

// Handler is the API as an http.Handler, with every check in front.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.Handle(r.path, byMethod(r.methods))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, "no such path") })
	return s.guard(mux)
}

func byMethod(methods map[string]http.HandlerFunc) http.Handler {
	allow := slices.Sorted(maps.Keys(methods))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, ok := methods[r.Method]
		if !ok {
			w.Header().Set("Allow", strings.Join(allow, ", "))
			fail(w, http.StatusMethodNotAllowed, "method not allowed")
			return
		}
		h(w, r)
	})
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]string{"status": "alive"})
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if err := s.gateway.Ready(); err != nil {
		reply(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready", "reason": err.Error()})
		return
	}
	reply(w, http.StatusOK, map[string]string{"status": "ready"})
}

func (s *Server) describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", jsonType)
	_, _ = w.Write(openAPI) // the client went away; nothing to do
}

func (s *Server) calls(w http.ResponseWriter, r *http.Request) {
	calls, err := s.gateway.Calls(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	list := make([]Call, 0, len(calls))
	for _, c := range calls {
		list = append(list, c.withLegs())
	}
	reply(w, http.StatusOK, map[string][]Call{"calls": list})
}

func (s *Server) call(w http.ResponseWriter, r *http.Request) {
	c, ok, err := s.gateway.Call(r.Context(), r.PathValue("id"))
	switch {
	case err != nil:
		fail(w, http.StatusServiceUnavailable, err.Error())
	case !ok:
		fail(w, http.StatusNotFound, "no such call")
	default:
		reply(w, http.StatusOK, c.withLegs())
	}
}

func (s *Server) bans(w http.ResponseWriter, _ *http.Request) {
	bans := s.gateway.Bans()
	if bans == nil {
		bans = []Ban{}
	}
	reply(w, http.StatusOK, map[string][]Ban{"bans": bans})
}

func (s *Server) unban(w http.ResponseWriter, r *http.Request) {
	source := r.PathValue("source")
	ok := s.gateway.Unban(source)
	s.log.Info().Str("src", r.RemoteAddr).Str("source", source).Bool("found", ok).Msg("end of a ban asked for by the api")
	if !ok {
		fail(w, http.StatusNotFound, "no such ban")
		return
	}
	reply(w, http.StatusOK, map[string]string{"status": "unbanned"})
}

func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	err := s.gateway.Reload(r.Context())
	s.log.Info().Str("src", r.RemoteAddr).Err(err).Msg("reload asked for by the api")
	if err != nil {
		reply(w, http.StatusUnprocessableEntity, failure{Error: "the configuration was not loaded; the old one is in force",
			Details: strings.Split(strings.TrimSpace(err.Error()), "\n")})
		return
	}
	reply(w, http.StatusOK, map[string]string{"status": "reloaded"})
}

func (s *Server) drain(w http.ResponseWriter, r *http.Request) {
	s.log.Info().Str("src", r.RemoteAddr).Msg("drain asked for by the api")
	s.gateway.Drain()
	reply(w, http.StatusAccepted, map[string]string{"status": "draining"})
}

const jsonType = "application/json; charset=utf-8"

// failure is the body of every error.
type failure struct {
	Error   string   `json:"error"`
	Details []string `json:"details,omitempty"`
}

func fail(w http.ResponseWriter, code int, text string) { reply(w, code, failure{Error: text}) }

// reply writes JSON; the encoder escapes what HTML would act on.
func reply(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		code, b = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be encoded"}`)
	}
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n')) // the client went away; nothing to do
}
