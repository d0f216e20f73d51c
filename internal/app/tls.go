package app

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"gatehouse/config"
	"gatehouse/sip/secure"
)

// keyring is how the connections of one configuration are secured, and which
// pages may open one. It never changes once it is in force.
type keyring struct {
	servers map[string]*secure.Server // by zone, of those with a certificate
	origins map[string][]string       // by zone
	zones   map[string]dialer         // by zone: towards targets that no peer names
	peers   map[string]dialer         // by peer
}

// dialer secures the connections we open to somebody.
type dialer struct {
	client *secure.Client
	name   string // proven in place of the host that is dialed, "" without
}

// newKeyring makes all of it, so that nothing is left to fail once it is used.
func newKeyring(c *config.Config) (*keyring, error) {
	k := &keyring{servers: make(map[string]*secure.Server), origins: make(map[string][]string, len(c.Zones)),
		zones: make(map[string]dialer, len(c.Zones)), peers: make(map[string]dialer, len(c.Peers))}
	for i := range c.Zones {
		if err := k.addZone(c, &c.Zones[i]); err != nil {
			return nil, fmt.Errorf("tls of zone %s: %w", c.Zones[i].Name, err)
		}
	}
	for i := range c.Peers {
		if err := k.addPeer(c, &c.Peers[i]); err != nil {
			return nil, fmt.Errorf("tls of peer %s: %w", c.Peers[i].Name, err)
		}
	}
	return k, nil
}

func (k *keyring) addZone(c *config.Config, z *config.Zone) (err error) {
	k.origins[z.Name] = z.Origins
	towards := secure.ClientOptions{Pair: pairOf(z.TLS)}
	if z.TLS != nil {
		towards.MoreCA, towards.MinVersion = pemOf(z.TLS.ClientCA), z.TLS.MinVersion
		if k.servers[z.Name], err = secure.NewServer(serverOptions(c, z)); err != nil {
			return err
		}
	}
	client, err := secure.NewClient(towards)
	k.zones[z.Name] = dialer{client: client}
	return err
}

// serverOptions put the zone's certificate first, and behind it those of its
// peers, which are shown to who asks for their names. Where clients are asked
// for a certificate, those that sign a peer sign its connections to us too, but
// not with the name that tells another peer of the zone from it.
func serverOptions(c *config.Config, z *config.Zone) secure.ServerOptions {
	o := secure.ServerOptions{Pairs: []secure.KeyPair{*pairOf(z.TLS)}, ClientCA: pemOf(z.TLS.ClientCA), RequireClient: z.TLS.RequireClient, MinVersion: z.TLS.MinVersion}
	for _, p := range c.Peers {
		if p.Zone != z.Name || p.TLS == nil {
			continue
		}
		if len(p.TLS.Certificate) > 0 {
			o.Pairs = append(o.Pairs, secure.KeyPair{Certificate: p.TLS.Certificate, Key: []byte(p.TLS.Key.Reveal())})
		}
		if len(p.TLS.CA) > 0 {
			o.Authorities = append(o.Authorities, secure.Authority{CA: p.TLS.CA, Others: othersOf(c, &p)})
		}
	}
	return o
}

// othersOf are the names by which the other peers of a peer's zone are known.
func othersOf(c *config.Config, p *config.Peer) []string {
	var names []string
	for _, o := range c.Peers {
		if n := strings.ToLower(o.Match.Certificate); o.Zone == p.Zone && n != "" && !strings.EqualFold(n, p.Match.Certificate) {
			names = append(names, n)
		}
	}
	return names
}

// pairOf is the certificate a zone shows, nil without one.
func pairOf(t *config.ServerTLS) *secure.KeyPair {
	if t == nil {
		return nil
	}
	return &secure.KeyPair{Certificate: t.Certificate, Key: []byte(t.Key.Reveal())}
}

// pemOf is nil where the file names nothing.
func pemOf(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

func (k *keyring) addPeer(c *config.Config, p *config.Peer) error {
	var o secure.ClientOptions
	if at := slices.IndexFunc(c.Zones, func(z config.Zone) bool { return z.Name == p.Zone }); at >= 0 {
		o.Pair = pairOf(c.Zones[at].TLS)
	}
	if t := p.TLS; t != nil {
		o.CA, o.ServerName, o.MinVersion = pemOf(t.CA), t.ServerName, t.MinVersion
		if len(t.Certificate) > 0 {
			o.Pair = &secure.KeyPair{Certificate: t.Certificate, Key: []byte(t.Key.Reveal())}
		}
	}
	client, err := secure.NewClient(o)
	k.peers[p.Name] = dialer{client: client, name: o.ServerName}
	return err
}

// keep takes over what calls that are up may still need of an earlier
// configuration: the ways to zones and peers that are gone from the file.
func (k *keyring) keep(old *keyring) {
	if old == nil {
		return
	}
	for name, d := range old.zones {
		if _, ok := k.zones[name]; !ok {
			k.zones[name] = d
		}
	}
	for name, d := range old.peers {
		if _, ok := k.peers[name]; !ok {
			k.peers[name] = d
		}
	}
}

// towards gives the way to a peer, or to a target in a zone that no peer names.
// Without either it trusts the system's roots and shows nothing.
func (k *keyring) towards(zone, peer string) dialer {
	if d, ok := k.peers[peer]; ok {
		return d
	}
	return k.zones[zone]
}

// client is the configuration for a connection to a domain; nil when neither
// the zone nor the peer was ever in the file.
func (k *keyring) client(zone, peer, domain string) *tls.Config {
	d := k.towards(zone, peer)
	if d.client == nil {
		return nil
	}
	return d.client.Config(domain)
}

// server is what a zone's listeners show, nil for a zone without.
func (k *keyring) server(zone string) *tls.Config {
	if s := k.servers[zone]; s != nil {
		return s.Config()
	}
	return nil
}
