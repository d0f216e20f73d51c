package config_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"gatehouse/config"
)

// ours reports whether a type belongs to the configuration.
func ours(typ reflect.Type) bool {
	return typ.PkgPath() == "gatehouse/config" || strings.HasPrefix(typ.PkgPath(), "gatehouse/config/")
}

// fieldsOf walks a type down to the fields a reload compares, by the same rule
// that an operator would: structs of ours are opened, everything else is a value.
func fieldsOf(typ reflect.Type, path string, out map[string]bool) {
	for (typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer) && typ.Elem().Kind() == reflect.Struct && ours(typ.Elem()) {
		typ = typ.Elem()
	}
	values := []reflect.Type{reflect.TypeFor[config.PortRange](), reflect.TypeFor[config.Secret]()}
	open := typ.Kind() == reflect.Struct && ours(typ)
	for _, v := range values {
		open = open && typ != v
	}
	if !open || path == "Zones.Listen" || path == "Peers.Addresses" {
		out[path] = true
		return
	}
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Type == reflect.TypeFor[config.Pos]() || path == "" && f.Name == "Path" {
			continue
		}
		name := f.Name
		if path != "" {
			name = path + "." + name
		}
		fieldsOf(f.Type, name, out)
	}
}

func TestReload_EveryField_HasAClass(t *testing.T) {
	fields := make(map[string]bool)
	fieldsOf(reflect.TypeFor[config.Config](), "", fields)
	if len(fields) < 20 {
		t.Fatalf("the walk found only %v", fields)
	}
	for f := range fields {
		if _, ok := config.ClassOf(f); !ok {
			t.Errorf("%s has no class: declare in reload.go when a change of it takes effect", f)
		}
	}
	for _, s := range config.Reference() {
		for _, k := range s.Keys {
			if k.Field == "" {
				continue
			}
			for _, field := range []string{k.Field, k.Also} {
				if field != "" && !fields[field] {
					t.Errorf("the reference ties %s.%s to %s, which is no field", s.Path, k.Name, field)
				}
				delete(fields, field)
			}
		}
	}
	for f := range fields {
		if f != "Zones.Name" && f != "Peers.Name" { // the keys of their mappings
			t.Errorf("no key of the reference fills %s", f)
		}
	}
	if _, ok := config.ClassOf("Zones.Colour"); ok {
		t.Error("a field that does not exist has a class")
	}
}

// other returns a value that differs from v.
func other(t *testing.T, v reflect.Value) reflect.Value {
	t.Helper()
	switch x := v.Interface().(type) {
	case netip.Addr:
		return reflect.ValueOf(x.Next())
	case netip.AddrPort:
		return reflect.ValueOf(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.9"), 9))
	case []netip.Prefix:
		return reflect.ValueOf(append(x, netip.MustParsePrefix("192.0.2.0/24")))
	case []string:
		return reflect.ValueOf(append(append([]string(nil), x...), "more"))
	case string:
		return reflect.ValueOf(x + "x")
	case time.Duration:
		return reflect.ValueOf(x + 1)
	case config.Secret:
		return reflect.ValueOf(config.NewSecret("other"))
	case []config.Target:
		return reflect.ValueOf(append(append([]config.Target(nil), x...), config.Target{Host: "192.0.2.9"}))
	case []netip.AddrPort:
		return reflect.ValueOf(append(append([]netip.AddrPort(nil), x...), netip.MustParseAddrPort("192.0.2.53:53")))
	case []byte:
		return reflect.ValueOf(append(append([]byte(nil), x...), 'x'))
	case bool:
		return reflect.ValueOf(!x)
	case int, uint8, uint16:
		return reflect.ValueOf(1).Convert(v.Type())
	case config.PortRange:
		x.High += 2
		return reflect.ValueOf(x)
	case []config.Listener:
		return reflect.ValueOf(append(append([]config.Listener(nil), x...), config.Listener{}))
	case config.Trust, config.Unknown, config.MediaPath:
		return reflect.ValueOf(uint8(v.Uint()) ^ 1).Convert(v.Type())
	}
	t.Fatalf("no other value for a %s", v.Type())
	return reflect.Value{}
}

// field finds a field by its name, in the first item of every list.
func field(v reflect.Value, path string) reflect.Value {
	for _, name := range strings.Split(path, ".") {
		for v.Kind() == reflect.Slice {
			v = v.Index(0)
		}
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		v = v.FieldByName(name)
	}
	return v
}

// secured has every section that may be absent, in the first zone and peer.
var secured = strings.NewReplacer(
	"inside: {", "inside: {tls: {certificate: sbc.pem, key_file: sbc.key}, ",
	"pbx: {", "pbx: {tls: {ca: ca.pem}, ").Replace(smallest)

func TestReload_EachField_ChangesWithItsClass(t *testing.T) {
	fields := make(map[string]bool)
	fieldsOf(reflect.TypeFor[config.Config](), "", fields)
	for f := range fields {
		if strings.HasSuffix(f, "s.Name") && !strings.HasPrefix(f, "Routes") {
			continue // another name is another zone or peer: see below
		}
		old, next := mustLoad(t, secured), mustLoad(t, secured)
		v := field(reflect.ValueOf(next).Elem(), f)
		v.Set(other(t, v))
		class, _ := config.ClassOf(f)
		changes := config.Changes(old, next)
		if len(changes) != 1 || changes[0].Class != class {
			t.Errorf("%s gives %v, want one change of class %v", f, changes, class)
			continue
		}
		err := config.CheckReload(old, next)
		if (err != nil) != (class == config.Restart) {
			t.Errorf("%s of class %v gives %v", f, class, err)
		}
		if err != nil && !strings.Contains(err.Error(), changes[0].Path+" cannot change without a restart") {
			t.Errorf("%s gives %v", f, err)
		}
	}
}

func TestReload_ZonesAndPeers_AreComparedByName(t *testing.T) {
	old := mustLoad(t, smallest)
	next := mustLoad(t, smallest)
	next.Zones[0], next.Zones[1] = next.Zones[1], next.Zones[0]
	next.Peers[0], next.Peers[1] = next.Peers[1], next.Peers[0]
	if got := config.Changes(old, next); len(got) != 0 {
		t.Errorf("the order of zones and peers counts: %v", got)
	}
	next.Peers = next.Peers[:1]
	next.Zones[0].Name = "renamed"
	want := []config.Change{
		{Path: "peers.pbx", Class: config.NewCalls},
		{Path: "zones.outside", Class: config.NewCalls},
		{Path: "zones.renamed", Class: config.NewCalls},
	}
	if got := config.Changes(old, next); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestReload_TLS_ComesAndGoesAtOnce(t *testing.T) {
	want := []config.Change{{Path: "peers.pbx.tls", Class: config.Hot}, {Path: "zones.inside.tls", Class: config.Hot}}
	for _, pair := range [][2]string{{smallest, secured}, {secured, smallest}} {
		if got := config.Changes(mustLoad(t, pair[0]), mustLoad(t, pair[1])); !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestReload_ContentOfAFile_IsAChangeOfItsKey(t *testing.T) {
	old, next := mustLoad(t, secured), mustLoad(t, secured)
	next.Zones[0].TLS.Key = config.NewSecret("another")
	next.Zones[0].TLS.ClientCA = []byte("another")
	next.Peers[0].TLS.CA = []byte("another")
	want := []config.Change{
		{Path: "peers.pbx.tls.ca", Class: config.Hot},
		{Path: "zones.inside.tls.client_ca", Class: config.Hot},
		{Path: "zones.inside.tls.key_file", Class: config.Hot},
	}
	if got := config.Changes(old, next); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What must change without a restart, since a restart drops every call.
func TestReload_Edge_NeedsNoRestart(t *testing.T) {
	for _, prefix := range []string{"Zones.TLS.", "Zones.Origins", "Zones.DSCP.", "Zones.ACL.", "Zones.UDPMax", "Peers.Match.", "Peers.TLS.", "Peers.Addresses", "Peers.Source", "DNS.", "Security."} {
		fields, found := make(map[string]bool), 0
		fieldsOf(reflect.TypeFor[config.Config](), "", fields)
		for f := range fields {
			if !strings.HasPrefix(f, prefix) {
				continue
			}
			found++
			if class, _ := config.ClassOf(f); class == config.Restart {
				t.Errorf("%s needs a restart", f)
			}
		}
		if found == 0 {
			t.Errorf("no field %s", prefix)
		}
	}
}

func TestReload_OnlyComments_ChangesNothing(t *testing.T) {
	old, next := mustLoad(t, smallest), mustLoad(t, "# a comment\n\n"+smallest)
	next.Path = "elsewhere.yaml"
	if got := config.Changes(old, next); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if err := config.CheckReload(old, next); err != nil {
		t.Error(err)
	}
}

func TestReload_RouteOrder_Counts(t *testing.T) {
	old, next := mustLoad(t, smallest), mustLoad(t, smallest)
	next.Routes[0], next.Routes[1] = next.Routes[1], next.Routes[0]
	if got := config.Changes(old, next); len(got) == 0 {
		t.Error("the order of routes does not count")
	}
}

func TestReload_Paths_NameTheKeyOfTheFile(t *testing.T) {
	old, next := mustLoad(t, smallest), mustLoad(t, smallest)
	next.Node = "other"
	next.Zones[1].Media[0].Ports.High -= 2
	next.Zones[0].Media = append(next.Zones[0].Media, next.Zones[0].Media[0])
	next.Peers[1].SIP.RingTimeout++
	next.Routes[1].To = nil
	next.Routes = append(next.Routes, config.Route{Name: "new"})
	next.Log.Level = "debug"
	want := []config.Change{
		{Path: "log.level", Class: config.Hot},
		{Path: "node", Class: config.Restart},
		{Path: "peers.carrier.sip.ring_timeout", Class: config.NewCalls},
		{Path: "routes[1].to", Class: config.NewCalls},
		{Path: "routes[2]", Class: config.NewCalls},
		{Path: "zones.inside.media", Class: config.NewCalls},
		{Path: "zones.outside.media.ports", Class: config.NewCalls},
	}
	if got := config.Changes(old, next); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := config.CheckReload(old, next); err == nil || err.Error() != "node cannot change without a restart" {
		t.Errorf("got %v", err)
	}
}
