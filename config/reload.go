package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gatehouse/config/diff"
)

// Class says when a reload puts a changed field in force.
type Class uint8

// Hot fields count at once, for calls that are up too. NewCalls fields count
// for calls that start after the reload. Restart fields cannot change while
// the gateway runs: a reload that changes one is refused as a whole.
const (
	Hot Class = iota
	NewCalls
	Restart
)

// String names the class as the reference does.
func (c Class) String() string {
	switch c {
	case Hot:
		return "at once"
	case NewCalls:
		return "new calls"
	case Restart:
		return "restart"
	}
	return "class(" + strconv.Itoa(int(c)) + ")"
}

// classes declares every field of Config. A test walks Config and fails when
// one is missing here or left over.
func classes() map[string]Class {
	return map[string]Class{
		"Node":                  Restart, // it is part of identifiers that live as long as the process
		"Zones.Name":            NewCalls,
		"Zones.Listen":          Hot, // new listeners open at once, old ones stay open for their calls
		"Zones.Advertise":       NewCalls,
		"Zones.Trust":           NewCalls,
		"Zones.Unknown":         Hot,
		"Zones.Media.Addr":      NewCalls,
		"Zones.Media.Advertise": NewCalls,
		"Zones.Media.Ports":     NewCalls,
		"Peers.Name":            NewCalls,
		"Peers.Zone":            NewCalls,
		"Peers.Addresses":       NewCalls,
		"Peers.Source":          Hot,
		"Peers.SIP.RingTimeout": NewCalls,
		"Peers.SIP.MaxDuration": NewCalls,
		"Routes.Name":           NewCalls,
		"Routes.From":           NewCalls,
		"Routes.Called":         NewCalls,
		"Routes.To":             NewCalls,
		"Media.Path":            Restart,
		"Media.Timeout":         Hot,
		"Admin.Listen":          Restart,
		"Admin.TokenFile":       Restart,
		"Admin.Token":           Restart,
		"CDR.File":              Restart, // a reload opens the same file again, for rotation
		"Log.Level":             Hot,

		// Connections that are open keep what they were opened with.
		"Zones.TLS.CertificateFile": Hot,
		"Zones.TLS.Certificate":     Hot,
		"Zones.TLS.KeyFile":         Hot,
		"Zones.TLS.Key":             Hot,
		"Zones.TLS.ClientCAFile":    Hot,
		"Zones.TLS.ClientCA":        Hot,
		"Zones.TLS.RequireClient":   Hot,
		"Zones.TLS.MinVersion":      Hot,
		"Zones.Origins":             Hot,
		"Zones.DSCP.SIP":            Hot,
		"Peers.TLS.CAFile":          Hot,
		"Peers.TLS.CA":              Hot,
		"Peers.TLS.CertificateFile": Hot,
		"Peers.TLS.Certificate":     Hot,
		"Peers.TLS.KeyFile":         Hot,
		"Peers.TLS.Key":             Hot,
		"Peers.TLS.ServerName":      Hot,
		"Peers.TLS.MinVersion":      Hot,

		"Zones.ACL.Allow":          Hot,
		"Zones.ACL.Deny":           Hot,
		"Zones.UDPMax":             NewCalls,
		"Zones.DSCP.Media":         NewCalls,
		"Peers.SourceFromDNS":      Hot,
		"Peers.Match.Host":         Hot,
		"Peers.Match.Port":         Hot,
		"Peers.Match.Prefix":       Hot,
		"Peers.Match.Certificate":  Hot,
		"DNS.Servers":              Hot,
		"DNS.Allow":                Hot,
		"Security.Ban.After":       Hot,
		"Security.Ban.For":         Hot,
		"Security.Ban.Allow":       Hot,
		"Security.Ban.DryRun":      Hot,
		"Security.Strangers.Rate":  Hot,
		"Security.Strangers.Burst": Hot,
		"Security.Strangers.Total": Hot,
	}
}

// ClassOf returns the class of a field such as Zones.Listen, and false when
// there is no such field.
func ClassOf(field string) (Class, bool) {
	c, ok := classes()[field]
	return c, ok
}

// Change is one field that differs between two configurations.
type Change struct {
	// Path names the key in the file, such as zones.inside.listen.
	Path string
	// Class says when it takes effect.
	Class Class
}

// Changes lists what differs, sorted by path. Zones and peers are compared by
// name; routes by position, for their order is part of what they mean. Where
// something stands in the file does not count.
func Changes(old, next *Config) []Change {
	declared := classes()
	keys := make(map[string]string)     // field -> path of its key, with NAME or [] for the item
	sections := make(map[string]string) // struct -> path of the section that fills it
	for _, s := range Reference() {
		for _, k := range s.Keys {
			for _, field := range []string{k.Field, k.Also} {
				if field == "" {
					continue
				}
				keys[field] = strings.TrimPrefix(s.Path+"."+k.Name, ".")
				owner := ownerOf(field)
				if have, ok := sections[owner]; !ok || len(s.Path) < len(have) {
					sections[owner] = s.Path
				}
			}
		}
	}
	list := diff.Compare(*old, *next, diff.Rules{
		Declared: func(field string) bool { _, ok := declared[field]; return ok },
		Skip: func(f reflect.StructField, field string) bool {
			return f.Type == reflect.TypeFor[Pos]() || field == "Path" // where it stands, and what the file is called
		},
		Name: itemName,
	})
	out := make([]Change, 0, len(list))
	for _, d := range list {
		path := keys[d.Field]
		if d.Whole {
			path = sections[ownerOf(d.Field)]
		}
		path = strings.NewReplacer("NAME", d.Item, "[]", "["+d.Item+"]").Replace(path)
		out = append(out, Change{Path: path, Class: declared[d.Field]})
	}
	slices.SortFunc(out, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return slices.Compact(out)
}

// ownerOf is the struct that holds a field: Zones for Zones.Listen.
func ownerOf(field string) string {
	return strings.TrimSuffix(field[:strings.LastIndex(field, ".")+1], ".")
}

// itemName is the name of a zone or peer, and the position of anything else.
func itemName(item any, i int) string {
	switch v := item.(type) {
	case Zone:
		return v.Name
	case Peer:
		return v.Name
	default:
		return strconv.Itoa(i)
	}
}

// CheckReload refuses a reload that changes what only a restart can change.
// The error names every such key.
func CheckReload(old, next *Config) error {
	var names []string
	for _, c := range Changes(old, next) {
		if c.Class == Restart {
			names = append(names, c.Path)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("%s cannot change without a restart", strings.Join(names, ", "))
}
