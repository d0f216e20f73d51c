package config_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"gatehouse/config"
)

// inside wraps one key and value into a document that has it in the section.
func inside(section, entry string) (doc, path string) {
	if section == "" {
		return entry, ""
	}
	head, tail := "", ""
	for _, name := range strings.Split(section, ".") {
		name, list := strings.CutSuffix(strings.Replace(name, "NAME", "n", 1), "[]")
		path += name
		head, tail = head+"{"+name+": ", "}"+tail
		if list {
			path += "[0]"
			head, tail = head+"[", "]"+tail
		}
		path += "."
	}
	return head + "{" + entry + "}" + tail, path
}

// messageAt returns what was said about a path or something in it.
func messageAt(err error, path string) string {
	for _, m := range mistakes(err) {
		if m.Path == path || strings.HasPrefix(m.Path, path+"[") {
			return m.Message
		}
	}
	return ""
}

func TestReference_EveryKey_IsKnownToTheDecoder(t *testing.T) {
	const wrong = "[[]]" // no key takes a list of a list
	for _, s := range config.Reference() {
		for _, k := range s.Keys {
			doc, path := inside(s.Path, k.Name+": "+wrong)
			_, _, err := config.Load("t.yaml", []byte(doc))
			got := messageAt(err, path+k.Name)
			switch {
			case k.Later && got != "not supported by this version yet":
				t.Errorf("%s%s is for later but gives %q", path, k.Name, got)
			case !k.Later && (got == "" || strings.Contains(got, "unknown key") || got == "not supported by this version yet"):
				t.Errorf("%s%s gives %q", path, k.Name, got)
			}
			if k.Doc == "" || (!k.Later && k.Want == "") {
				t.Errorf("%s%s is not described", path, k.Name)
			}
		}
	}
}

func TestReference_OtherKeys_AreUnknownEverywhere(t *testing.T) {
	for _, s := range config.Reference() {
		doc, path := inside(s.Path, "qqqqqqqq: 1")
		_, _, err := config.Load("t.yaml", []byte(doc))
		if got := messageAt(err, path+"qqqqqqqq"); !strings.HasPrefix(got, "unknown key") {
			t.Errorf("%q gives %q", doc, got)
		}
	}
}

func TestReference_RequiredKeys_AreMissed(t *testing.T) {
	for _, s := range config.Reference() {
		for _, k := range s.Keys {
			doc, path := inside(s.Path, "")
			if doc == "" {
				doc = "{}"
			}
			_, _, err := config.Load("t.yaml", []byte(doc))
			at := strings.TrimSuffix(path, ".")
			missed := false
			for _, m := range mistakes(err) {
				missed = missed || m.Path == at && m.Message == k.Name+" is missing" || at == "" && m.Path == k.Name && strings.HasPrefix(m.Message, "missing: ")
			}
			if missed != k.Required {
				t.Errorf("%s%s required %v, missed %v", path, k.Name, k.Required, missed)
			}
			if k.Required && k.Default != "" {
				t.Errorf("%s%s is required and has a default", path, k.Name)
			}
		}
	}
}

// keysOf collects the keys of every mapping under the paths of the reference.
func keysOf(n *yaml.Node, path string, out map[string]bool) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			if path == "zones" || path == "peers" {
				key = "NAME"
			}
			at := key
			if path != "" {
				at = path + "." + key
			}
			out[at] = true
			keysOf(n.Content[i+1], at, out)
		}
	case yaml.SequenceNode:
		at := path
		if path == "routes" || path == "peers.NAME.address" {
			at = path + "[]"
		}
		for _, c := range n.Content {
			keysOf(c, at, out)
		}
	case yaml.DocumentNode, yaml.ScalarNode, yaml.AliasNode:
	}
}

func TestFullExample_LoadsWithoutAWord(t *testing.T) {
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, warnings, err := config.Load("full.yaml", data)
	if err != nil || len(warnings) != 0 {
		t.Fatalf("got %v, %v", warnings, err)
	}
	if len(c.Zones) != 2 || len(c.Peers) != 4 || len(c.Routes) != 2 || c.Admin.TokenFile == "" || c.CDR.File == "" {
		t.Errorf("got %+v", c)
	}
}

func TestFullExample_HasEveryKeyWithAComment(t *testing.T) {
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	have := make(map[string]bool)
	keysOf(doc.Content[0], "", have)
	exempt := []string{"admin.token"} // excludes token_file, and is named in its comment
	for _, s := range config.Reference() {
		for _, k := range s.Keys {
			at := strings.TrimPrefix(s.Path+"."+k.Name, ".")
			if !k.Later && !have[at] && !slices.Contains(exempt, at) {
				t.Errorf("%s is not in the example", at)
			}
		}
	}
}
