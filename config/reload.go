package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
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
		"Peers.Address":         NewCalls,
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
	w := &differ{classes: classes(), keys: make(map[string]string)}
	for _, s := range Reference() {
		for _, k := range s.Keys {
			if k.Field != "" {
				w.keys[k.Field] = strings.TrimPrefix(s.Path+"."+k.Name, ".")
			}
		}
	}
	w.walk(reflect.ValueOf(*old), reflect.ValueOf(*next), "", "")
	slices.SortFunc(w.out, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return slices.Compact(w.out)
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

// differ walks two values of one type side by side.
type differ struct {
	classes map[string]Class
	keys    map[string]string // field -> path of its key, with NAME or [] for the item
	out     []Change
}

// walk compares field by field until it reaches a declared field. item is the
// zone, peer or route that it is in.
func (w *differ) walk(a, b reflect.Value, field, item string) {
	if class, ok := w.classes[field]; ok {
		if !reflect.DeepEqual(a.Interface(), b.Interface()) {
			path := strings.NewReplacer("NAME", item, "[]", "["+item+"]").Replace(w.keys[field])
			w.out = append(w.out, Change{Path: path, Class: class})
		}
		return
	}
	if a.Kind() == reflect.Slice {
		w.lists(a, b, field, item)
		return
	}
	for i := range a.NumField() {
		f := a.Type().Field(i)
		if f.Type == reflect.TypeFor[Pos]() || field == "" && f.Name == "Path" {
			continue // where it stands, and what the file is called
		}
		w.walk(a.Field(i), b.Field(i), strings.TrimPrefix(field+"."+f.Name, "."), item)
	}
}

// lists pairs the items of two lists: zones and peers by their names, anything
// else by position. An item that came or went is a change of its first field.
func (w *differ) lists(a, b reflect.Value, field, item string) {
	partner := make(map[string]int, b.Len())
	for i := range b.Len() {
		partner[itemName(b.Index(i), i)] = i
	}
	for i := range a.Len() {
		name := itemName(a.Index(i), i)
		at, ok := partner[name]
		if !ok {
			w.cameOrWent(a.Type().Elem(), field, item, name)
			continue
		}
		delete(partner, name)
		inner := item
		if inner == "" {
			inner = name
		}
		w.walk(a.Index(i), b.Index(at), field, inner)
	}
	for name := range partner {
		w.cameOrWent(a.Type().Elem(), field, item, name)
	}
}

func (w *differ) cameOrWent(typ reflect.Type, field, item, name string) {
	change := Change{Class: w.classes[field+"."+typ.Field(0).Name]}
	switch typ {
	case reflect.TypeFor[Zone](), reflect.TypeFor[Peer]():
		change.Path = strings.ToLower(field) + "." + name
	case reflect.TypeFor[Route]():
		change.Path = "routes[" + name + "]"
	default:
		change.Path = "zones." + item + ".media"
	}
	w.out = append(w.out, change)
}

// itemName is the name of a zone or peer, and the position of anything else.
func itemName(item reflect.Value, i int) string {
	switch v := item.Interface().(type) {
	case Zone:
		return v.Name
	case Peer:
		return v.Name
	default:
		return strconv.Itoa(i)
	}
}
