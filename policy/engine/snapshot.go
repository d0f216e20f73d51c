// Package engine is the compiled policy: who a source is, and where its calls
// go.
//
// It owns the Snapshot, built once from a checked configuration and never
// changed, so every method may be called from any goroutine without a lock;
// app swaps snapshots as a whole, and a call keeps the one it started with.
// Admit and PeerOf run for each message and allocate nothing. It refuses to do
// I/O, to keep counters or to know about transports, dialogs and media: readers
// of sip/transport call Admit through app, shards of b2bua call PeerOf and
// Decide.
package engine

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/gaissmai/bart"

	"gatehouse/config"
	"gatehouse/policy/route"
	"gatehouse/sip/uri"
)

// Families says for which address families a zone has media addresses.
type Families struct {
	// IPv4 and IPv6 are independent; a zone has at least one.
	IPv4, IPv6 bool
}

// Zone is one side of the border as calls see it. It never changes.
type Zone struct {
	// Name is the key under zones.
	Name string
	// Trust says what identity headers mean coming from here.
	Trust config.Trust
	// Unknown says what a source no peer claims gets.
	Unknown config.Unknown
	// Advertise is the host shown in Via and Contact; "" means the address of the listener.
	Advertise string
	// Listeners are as configured; a port 0 is not resolved here.
	Listeners []config.Listener
	// Families says which media families the zone has.
	Families Families

	sources bart.Table[*Peer]
}

// Target is where a peer is reached, defaults filled in.
type Target struct {
	// Host is an address or a lower-case name, IPv6 without brackets.
	Host string
	// Addr is Host when it is an address, else not valid.
	Addr netip.Addr
	// Port is 5060 when the file names none.
	Port uint16
	// Transport is "udp" or "tcp".
	Transport string
}

// Peer is a remote system as calls see it. It never changes.
type Peer struct {
	// Name is the key under peers.
	Name string
	// Zone is the peer's side of the border.
	Zone *Zone
	// Address is the URI of the file; its port is 0 when the file has none.
	Address uri.URI
	// Transport is "udp" or "tcp".
	Transport string
	// Target is Address with the defaults filled in.
	Target Target
	// RingTimeout is how long a call sent to this peer may ring.
	RingTimeout time.Duration
	// MaxDuration is how long a call with this peer may last after the answer.
	MaxDuration time.Duration
	// Line is where the peer stands in the file.
	Line int
}

// Snapshot is one compiled configuration.
type Snapshot struct {
	zones  []*Zone
	byZone map[string]*Zone
	peers  []*Peer
	byPeer map[string]*Peer
	routes *route.Table[*Peer]
}

// Compile builds the snapshot of a checked configuration. It keeps no
// reference to c. An error means that c did not come from config.Load.
func Compile(c *config.Config) (*Snapshot, error) {
	s := &Snapshot{byZone: make(map[string]*Zone, len(c.Zones)), byPeer: make(map[string]*Peer, len(c.Peers))}
	for i := range c.Zones {
		z := compileZone(&c.Zones[i])
		if s.byZone[z.Name] != nil {
			return nil, fmt.Errorf("compile zone %s: name given twice", z.Name)
		}
		s.byZone[z.Name] = z
		s.zones = append(s.zones, z)
	}
	for i := range c.Peers {
		if err := s.addPeer(&c.Peers[i]); err != nil {
			return nil, fmt.Errorf("compile peer %s: %w", c.Peers[i].Name, err)
		}
	}
	routes, err := route.New(c.Routes, func(name string) (*Peer, bool) { p := s.byPeer[name]; return p, p != nil })
	if err != nil {
		return nil, fmt.Errorf("compile routes: %w", err)
	}
	s.routes = routes
	return s, nil
}

func compileZone(c *config.Zone) *Zone {
	z := &Zone{
		Name: c.Name, Trust: c.Trust, Unknown: c.Unknown, Advertise: c.Advertise,
		Listeners: append([]config.Listener(nil), c.Listen...),
	}
	for _, m := range c.Media {
		z.Families.IPv4 = z.Families.IPv4 || m.Addr.Is4()
		z.Families.IPv6 = z.Families.IPv6 || m.Addr.Is6()
	}
	return z
}

func (s *Snapshot) addPeer(c *config.Peer) error {
	zone := s.byZone[c.Zone]
	if zone == nil {
		return fmt.Errorf("no zone %s", c.Zone)
	}
	if s.byPeer[c.Name] != nil {
		return fmt.Errorf("name given twice")
	}
	address, err := uri.Parse(c.Address.Raw)
	if err != nil {
		return fmt.Errorf("address: %w", err)
	}
	address.Host = c.Address.Host // one spelling of IPv6
	addr, _ := c.Address.Addr()
	transport := c.Address.Transport.String()
	p := &Peer{
		Name: c.Name, Zone: zone, Address: address, Transport: transport,
		Target:      Target{Host: c.Address.Host, Addr: addr, Port: c.Address.EffectivePort(), Transport: transport},
		RingTimeout: c.SIP.RingTimeout, MaxDuration: c.SIP.MaxDuration, Line: c.Pos.Line,
	}
	for _, prefix := range c.Source {
		if other, taken := zone.sources.Get(prefix); taken {
			return fmt.Errorf("source %s belongs to peer %s", prefix, other.Name)
		}
		zone.sources.Insert(prefix, p)
	}
	s.byPeer[p.Name] = p
	s.peers = append(s.peers, p)
	return nil
}

// Zone returns the zone of that name, nil when there is none.
func (s *Snapshot) Zone(name string) *Zone { return s.byZone[name] }

// Zones returns every zone in the order of the file. The caller must not change the slice.
func (s *Snapshot) Zones() []*Zone { return s.zones }

// Peer returns the peer of that name, nil when there is none.
func (s *Snapshot) Peer(name string) *Peer { return s.byPeer[name] }

// Peers returns every peer in the order of the file. The caller must not change the slice.
func (s *Snapshot) Peers() []*Peer { return s.peers }
