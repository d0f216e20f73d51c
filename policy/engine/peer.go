package engine

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"gatehouse/config"
	"gatehouse/sip/uri"
)

// Peer is a remote system as calls see it. It never changes.
type Peer struct {
	// Name is the key under peers.
	Name string
	// Zone is the peer's side of the border.
	Zone *Zone
	// Targets are where its calls are sent, at least one, the lowest Priority first, else in the order of the file. The slice is shared: do not change it.
	Targets []Target
	// RingTimeout is how long a call sent to this peer may ring.
	RingTimeout time.Duration
	// MaxDuration is how long a call with this peer may last after the answer.
	MaxDuration time.Duration
	// Line is where the peer stands in the file.
	Line int

	match match
	order int // its place among the peers of the file
}

// Target is one address of a peer.
type Target struct {
	// URI is that of the file, its port 0 when the file has none, IPv6 in its one spelling.
	URI uri.URI
	// Priority orders the targets of a peer, the lowest first; Weight shares the calls among those of equal Priority, as in RFC 2782.
	Priority, Weight int
}

func compileTargets(list []config.Target) ([]Target, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("no address")
	}
	out := make([]Target, 0, len(list))
	for _, c := range list {
		u, err := uri.Parse(c.Raw)
		if err != nil {
			return nil, fmt.Errorf("address: %w", err)
		}
		u.Host = c.Host // one spelling of IPv6
		out = append(out, Target{URI: u, Priority: c.Priority, Weight: c.Weight})
	}
	slices.SortStableFunc(out, func(a, b Target) int { return cmp.Compare(a.Priority, b.Priority) })
	return out, nil
}

// Facts are what a request tells, beyond its source, about the peer it belongs
// to.
type Facts struct {
	// FromHost is the host of its From URI, IPv6 without brackets.
	FromHost string
	// Called is the user part of its request URI, unescaped.
	Called string
	// Port is that of our listener.
	Port uint16
	// Identities are the names its connection's certificate proved, lower case (RFC 5922 §7.1).
	Identities []string
}

// match is what a request must say to be its peer's. A part that is zero asks
// nothing.
type match struct {
	config.Match
	addr netip.Addr // Host when it is an address
}

func compileMatch(c config.Match) match {
	m := match{Match: c}
	m.Host = plainHost(m.Host)
	if a, err := netip.ParseAddr(m.Host); err == nil {
		m.addr = a.Unmap()
	}
	return m
}

// plainHost drops the dot that marks a name as complete (RFC 1034 §3.1).
func plainHost(host string) string { return strings.TrimSuffix(host, ".") }

// conditions counts what is asked: of the peers of one prefix the one that
// asks most is tried first.
func (m *match) conditions() int {
	n := 0
	for _, asked := range [...]bool{m.Host != "", m.Port != 0, m.Prefix != "", m.Certificate != ""} {
		if asked {
			n++
		}
	}
	return n
}

// fits tells whether a request says all that is asked.
func (m *match) fits(f *Facts) bool {
	return (m.Port == 0 || m.Port == f.Port) &&
		strings.HasPrefix(f.Called, m.Prefix) &&
		(m.Host == "" || m.fitsHost(f.FromHost)) &&
		(m.Certificate == "" || m.fitsCertificate(f.Identities))
}

// fitsHost compares hosts as RFC 3261 §19.1.4 does, without regard to case,
// and addresses by their value.
func (m *match) fitsHost(host string) bool {
	host = plainHost(host)
	if strings.EqualFold(m.Host, host) {
		return true
	}
	if !m.addr.Is6() || !strings.Contains(host, ":") {
		return false
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a == m.addr
}

// fitsCertificate compares names as RFC 5922 §7.2 does: whole and without
// regard to case, so a wildcard stands for itself only.
func (m *match) fitsCertificate(identities []string) bool {
	for _, name := range identities {
		if strings.EqualFold(m.Certificate, name) {
			return true
		}
	}
	return false
}
