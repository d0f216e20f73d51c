package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strings"
)

// guard makes every check before a handler runs: the token for the API, and
// without a token the host and the origin of the request.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		token := s.token.Load()
		switch {
		case token == nil && !loopbackHost(r.Host):
			s.refuse(w, r, http.StatusForbidden, "the Host header must name a loopback address")
			return
		case token == nil && s.origins.Check(r) != nil:
			s.refuse(w, r, http.StatusForbidden, "requests from other sites are refused")
			return
		case token != nil && !unguarded(r.URL.Path) && !bearer(r, token):
			h.Set("WWW-Authenticate", `Bearer realm="gatehouse"`)
			s.refuse(w, r, http.StatusUnauthorized, "a bearer token is needed")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
		next.ServeHTTP(w, r)
	})
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, code int, text string) {
	s.noise.Warn().Str("src", r.RemoteAddr).Int("code", code).Str("cause", text).Msg("api request refused")
	fail(w, code, text)
}

// unguarded tells the paths that never need a token. Everything else does, known or
// not, so that nobody can find out which paths there are.
func unguarded(path string) bool {
	return path == "/healthz" || path == "/readyz" || path == "/metrics"
}

// bearer compares the token in constant time, its length included.
func bearer(r *http.Request, want *[sha256.Size]byte) bool {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return false
	}
	scheme, given, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	got := sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// loopbackHost tells whether a Host header names this machine's loopback: a
// literal address or localhost, with or without a port.
func loopbackHost(host string) bool {
	name := host
	if ap, err := netip.ParseAddrPort(host); err == nil {
		return ap.Addr().Unmap().IsLoopback()
	}
	if h, port, ok := strings.Cut(host, ":"); ok && !strings.Contains(port, ":") {
		name = h
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"))
	return err == nil && a.Unmap().IsLoopback()
}
