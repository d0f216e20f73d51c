// Package engine is the compiled policy: who a source is, and where its calls
// go.
//
// It owns the Snapshot, built once from a checked configuration and never
// changed, so every method may be called from any goroutine without a lock;
// app swaps snapshots as a whole, and a call keeps the one it started with.
// Admit and PeerFor run for each message and allocate nothing. It refuses to
// do I/O, to keep counters or to know about transports, dialogs and media:
// readers of sip/transport call Admit through app, shards of b2bua call PeerFor
// and Decide. Names are not looked up here: app resolves them and compiles
// again when the answers change.
package engine

import (
	"fmt"
	"net/netip"

	"github.com/gaissmai/bart"

	"gatehouse/config"
	"gatehouse/policy/acl"
	"gatehouse/policy/route"
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
	// UDPMax is the largest request in bytes that leaves over UDP when a stream would do (RFC 3261 §18.1.1); 0 sends every size.
	UDPMax int
	// DSCP marks what leaves.
	DSCP config.DSCP

	access  *acl.List
	sources bart.Table[*claim]
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
// reference to c. The sources of a peer that takes them from DNS are its
// literal ones and what resolved holds for its name; such a peer that is not
// in resolved claims nobody else yet. Two peers that resolve to one address
// share it as Match says, the first of the file winning where that does not
// tell them apart: an answer from the network never makes Compile fail. An
// error means that c did not come from config.Load.
func Compile(c *config.Config, resolved map[string][]netip.Addr) (*Snapshot, error) {
	s := &Snapshot{byZone: make(map[string]*Zone, len(c.Zones)), byPeer: make(map[string]*Peer, len(c.Peers))}
	for i := range c.Zones {
		z := compileZone(&c.Zones[i])
		if s.byZone[z.Name] != nil {
			return nil, fmt.Errorf("compile zone %s: name given twice", z.Name)
		}
		s.byZone[z.Name] = z
		s.zones = append(s.zones, z)
	}
	claims := make(map[*Zone]claims, len(c.Zones))
	for _, z := range s.zones {
		claims[z] = make(map[netip.Prefix][]*Peer)
	}
	for i := range c.Peers {
		p, err := s.addPeer(&c.Peers[i])
		if err == nil {
			err = claims[p.Zone].configured(p, c.Peers[i].Source)
		}
		if err != nil {
			return nil, fmt.Errorf("compile peer %s: %w", c.Peers[i].Name, err)
		}
	}
	for i := range c.Peers {
		if p := s.peers[i]; c.Peers[i].SourceFromDNS {
			claims[p.Zone].resolved(p, resolved[p.Name])
		}
	}
	for z, c := range claims {
		z.recognize(c)
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
		UDPMax:    c.UDPMax, DSCP: c.DSCP, access: acl.New(c.ACL.Allow, c.ACL.Deny),
	}
	for _, m := range c.Media {
		z.Families.IPv4 = z.Families.IPv4 || m.Addr.Is4()
		z.Families.IPv6 = z.Families.IPv6 || m.Addr.Is6()
	}
	return z
}

func (s *Snapshot) addPeer(c *config.Peer) (*Peer, error) {
	zone := s.byZone[c.Zone]
	if zone == nil {
		return nil, fmt.Errorf("no zone %s", c.Zone)
	}
	if s.byPeer[c.Name] != nil {
		return nil, fmt.Errorf("name given twice")
	}
	targets, err := compileTargets(c.Addresses)
	if err != nil {
		return nil, err
	}
	p := &Peer{
		Name: c.Name, Zone: zone, Targets: targets, RingTimeout: c.SIP.RingTimeout, MaxDuration: c.SIP.MaxDuration, Line: c.Pos.Line,
		match: compileMatch(c.Match), order: len(s.peers),
	}
	s.byPeer[p.Name] = p
	s.peers = append(s.peers, p)
	return p, nil
}

// Zone returns the zone of that name, nil when there is none.
func (s *Snapshot) Zone(name string) *Zone { return s.byZone[name] }

// Zones returns every zone in the order of the file. The caller must not change the slice.
func (s *Snapshot) Zones() []*Zone { return s.zones }

// Peer returns the peer of that name, nil when there is none.
func (s *Snapshot) Peer(name string) *Peer { return s.byPeer[name] }

// Peers returns every peer in the order of the file. The caller must not change the slice.
func (s *Snapshot) Peers() []*Peer { return s.peers }
