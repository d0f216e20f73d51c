package config

import (
	"gatehouse/config/files"
	"gatehouse/config/reference"
	"gatehouse/config/strict"
)

// decoder collects what one file holds and what is wrong with it. Decoding
// keeps the place of every value, so that the checks that compare values can
// still point at the line.
type decoder struct {
	*strict.Decoder
	file  string
	env   func(string) (string, bool)
	files *files.Files

	node   string
	zones  []*zoneDraft
	peers  []*peerDraft
	routes []*routeDraft
	media  Media
	admin  adminDraft
	cdr    CDR
	log    Log

	dns      DNS
	security Security
}

// load runs the steps in order: parse, decode, compare, assemble.
func (d *decoder) load(data []byte) (*Config, []Issue, error) {
	root, ok := d.Document(data)
	if ok {
		d.decodeRoot(root)
		d.checkZones()
		d.checkEdges()
		d.checkPeers()
		d.checkRoutes()
		d.checkAdmin()
	}
	if err := d.Err(); err != nil {
		return nil, d.Warnings(), err
	}
	return d.assemble(), d.Warnings(), nil
}

func (d *decoder) decodeRoot(v strict.Value) {
	d.node = DefaultNode
	d.media = Media{Path: PathAuto, Timeout: DefaultMediaTimeout}
	d.log = Log{Level: DefaultLogLevel}
	d.security = defaultSecurity()
	var zones, peers, routes bool
	if !v.Null() && !v.IsMapping() {
		d.Fail(v.Place, "want a mapping with zones, peers and routes, got %s", v.Kind())
		return
	}
	d.Section(v, reference.Root, map[string]func(strict.Value){
		"node":   d.decodeNode,
		"zones":  func(v strict.Value) { zones = true; d.decodeZones(v) },
		"peers":  func(v strict.Value) { peers = true; d.decodePeers(v) },
		"routes": func(v strict.Value) { routes = true; d.decodeRoutes(v) },
		"media":  d.decodeMedia,
		"admin":  d.decodeAdmin,
		"cdr":    d.decodeCDR,
		"log":    d.decodeLog,
		"store":  d.decodeStore,

		"dns":      d.decodeDNS,
		"security": d.decodeSecurity,
	})
	for _, need := range []struct {
		key   string
		given bool
		why   string
	}{
		{"zones", zones, "there is nothing to listen on"},
		{"peers", peers, "there is nobody to talk to"},
		{"routes", routes, "every call would be refused"},
	} {
		if !need.given {
			d.Fail(strict.Place{Pos: v.Pos, Path: need.key}, "missing: %s", need.why)
		}
	}
}

func (d *decoder) decodeNode(v strict.Value) {
	if s, ok := d.Name(v); ok {
		d.node = s
	}
}

// assemble copies the drafts into the finished value.
func (d *decoder) assemble() *Config {
	c := &Config{Node: d.node, Media: d.media, Admin: d.admin.admin, CDR: d.cdr, Log: d.log, DNS: d.dns, Security: d.security, Path: d.file}
	for _, z := range d.zones {
		c.Zones = append(c.Zones, z.finish())
	}
	for _, p := range d.peers {
		c.Peers = append(c.Peers, p.finish())
	}
	for _, r := range d.routes {
		c.Routes = append(c.Routes, r.finish())
	}
	return c
}
