package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gatehouse/config"
)

// seeds are every file of testdata and the bombs that are small.
func seeds(f *testing.F) [][]byte {
	f.Helper()
	list := [][]byte{[]byte(smallest), []byte(edge), []byte(secured)}
	for _, pattern := range []string{"testdata/*.yaml", "testdata/bad/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			list = append(list, data)
		}
	}
	return list
}

// FuzzLoad holds that no file panics, that an accepted one is consistent, and
// that every remark points into the file and fits on one line.
func FuzzLoad(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, warnings, err := config.Load("f.yaml", data)
		if (c == nil) == (err == nil) {
			t.Fatalf("configuration %v with error %v", c != nil, err)
		}
		lines := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r")) + 2
		for _, list := range [][]config.Issue{warnings, mistakes(err)} {
			if !slices.IsSortedFunc(list, byPos) {
				t.Errorf("not sorted: %v", list)
			}
			for _, i := range list {
				if i.Pos.Line < 1 || i.Pos.Line > lines || i.Pos.Col < 1 {
					t.Errorf("%v points outside the file of %d lines", i, lines)
				}
				if i.Message == "" || strings.ContainsFunc(i.String(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
					t.Errorf("%q cannot be printed", i.String())
				}
			}
		}
		if err == nil {
			consistent(t, c)
			again, _, err := config.Load("f.yaml", data)
			if err != nil || !reflect.DeepEqual(c, again) {
				t.Errorf("the second load differs: %v", err)
			}
		}
	})
}

// consistentEdge holds the same of what a zone shows and asks for.
func consistentEdge(t *testing.T, z *config.Zone) {
	t.Helper()
	for _, l := range z.Listen {
		if l.Transport.Secure() && z.TLS == nil {
			t.Errorf("listener %v without a certificate", l)
		}
	}
	if z.TLS != nil && (z.TLS.CertificateFile == "" || z.TLS.KeyFile == "" || z.TLS.RequireClient && z.TLS.ClientCAFile == "") {
		t.Errorf("tls %+v", z.TLS)
	}
	for _, a := range z.ACL.Allow {
		if slices.Contains(z.ACL.Deny, a) {
			t.Errorf("%v is allowed and denied", a)
		}
	}
	if z.UDPMax < 0 || z.UDPMax > 65507 || z.DSCP.SIP > 63 || z.DSCP.Media > 63 {
		t.Errorf("zone %+v", z)
	}
}

// consistent holds what everybody after Load relies on.
func consistent(t *testing.T, c *config.Config) {
	t.Helper()
	zones, peers := make(map[string]bool), make(map[string]bool)
	for _, z := range c.Zones {
		zones[z.Name] = true
		consistentEdge(t, &z)
		if len(z.Listen) == 0 || len(z.Media) == 0 {
			t.Errorf("zone %+v", z)
		}
		for _, m := range z.Media {
			if !m.Addr.IsValid() || m.Addr.Is4() != m.Advertise.Is4() || m.Ports.Low%2 != 0 || m.Ports.High%2 != 1 || m.Ports.Len() < 2 {
				t.Errorf("media %+v", m)
			}
		}
	}
	for _, p := range c.Peers {
		peers[p.Name] = true
		if !zones[p.Zone] || len(p.Source) == 0 && !p.SourceFromDNS || len(p.Addresses) == 0 || len(p.Addresses) > config.MaxAddresses || p.SIP.RingTimeout <= 0 || p.SIP.MaxDuration <= 0 {
			t.Errorf("peer %+v", p)
		}
		for _, a := range p.Addresses {
			if a.Host == "" || a.Secure && !a.Transport.Secure() || a.EffectivePort() == 0 || a.Priority < 0 || a.Weight < 0 {
				t.Errorf("address %+v", a)
			}
		}
		for _, s := range p.Source {
			if s != s.Masked() || s.Addr().Is4In6() {
				t.Errorf("source %v", s)
			}
		}
	}
	for _, r := range c.Routes {
		if r.Name == "" || len(r.From) == 0 || len(r.To) == 0 {
			t.Errorf("route %+v", r)
		}
		for _, name := range append(append([]string(nil), r.From...), r.To...) {
			if !peers[name] {
				t.Errorf("route %+v names %q", r, name)
			}
		}
		for _, p := range r.Called {
			if _, err := config.ParsePattern(p); err != nil {
				t.Errorf("route %+v: %v", r, err)
			}
		}
	}
	if b, s := c.Security.Ban, c.Security.Strangers; b.After < 0 || b.For <= 0 || s.Rate <= 0 || s.Burst <= 0 || s.Total <= 0 {
		t.Errorf("security %+v", c.Security)
	}
	for _, a := range c.DNS.Servers {
		if !a.IsValid() || a.Port() == 0 {
			t.Errorf("server %v", a)
		}
	}
	if len(c.Routes) == 0 || c.Node == "" || c.Log.Level == "" || c.Media.Timeout <= 0 {
		t.Errorf("got %+v", c)
	}
}
