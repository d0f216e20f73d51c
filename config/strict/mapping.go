package strict

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// Entry is one key of a mapping with its value.
type Entry struct {
	// Key is its text.
	Key string
	// At is where the key stands.
	At Place
	// Val is what it holds.
	Val Value
}

// Mapping lists the entries in file order. Duplicate keys are reported and the
// first one counts; an absent value is an empty mapping.
func (d *Decoder) Mapping(v Value) []Entry {
	if v.Null() {
		return nil
	}
	if v.node.Kind != yaml.MappingNode {
		d.Fail(v.Place, "want a mapping, got %s", v.Kind())
		return nil
	}
	seen := make(map[string]Pos, len(v.node.Content)/2)
	list := make([]Entry, 0, len(v.node.Content)/2)
	var merges []Value
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key := newValue(v.node.Content[i], v.Path)
		if key.node.Kind == yaml.ScalarNode && key.node.ShortTag() == "!!merge" {
			merges = append(merges, newValue(v.node.Content[i+1], v.Path))
			continue
		}
		if key.node.Kind != yaml.ScalarNode || key.Null() {
			d.Fail(key.Place, "a key must be a text, got %s", key.Kind())
			continue
		}
		e := newEntry(v.Path, key, v.node.Content[i+1])
		if first, dup := seen[e.Key]; dup {
			d.Fail(e.At, "duplicate key, first on line %d", first.Line)
			continue
		}
		seen[e.Key] = e.At.Pos
		list = append(list, e)
	}
	return d.merge(list, merges, seen)
}

func newEntry(parent string, key Value, val *yaml.Node) Entry {
	path := Plain(key.node.Value)
	if parent != "" {
		path = parent + "." + path
	}
	return Entry{Key: key.node.Value, At: Place{Pos: key.Pos, Path: path}, Val: newValue(val, path)}
}

// merge adds the keys of "<<: *anchor" that the mapping does not have itself.
func (d *Decoder) merge(list []Entry, from []Value, seen map[string]Pos) []Entry {
	for _, m := range from {
		sources := []Value{m}
		if m.node.Kind == yaml.SequenceNode {
			sources = sources[:0]
			for _, n := range m.node.Content {
				sources = append(sources, newValue(n, m.Path))
			}
		}
		for _, s := range sources {
			if s.node.Kind != yaml.MappingNode {
				d.Fail(s.Place, "<< wants an alias of a mapping, got %s", s.Kind())
				continue
			}
			for _, e := range d.Mapping(s) {
				if _, own := seen[e.Key]; own {
					continue
				}
				seen[e.Key] = e.At.Pos
				list = append(list, e)
			}
		}
	}
	return list
}

// Section decodes a mapping whose keys are those of one schema section. Each
// supported key has one function in keys. It returns false when the value is no
// mapping at all, which is reported; keys that are missing then need no report
// of their own.
func (d *Decoder) Section(v Value, schema string, keys map[string]func(Value)) bool {
	sec := d.sections[schema]
	for _, e := range d.Mapping(v) {
		if take, ok := keys[e.Key]; ok {
			take(e.Val)
			continue
		}
		if sec.isLater(e.Key) {
			d.Fail(e.At, "%s", NotYet)
			continue
		}
		d.Unknown(e.At, "key", e.Key, sec.Supported())
	}
	return v.Null() || v.IsMapping()
}

// Items lists what a list holds; an absent or empty list is reported.
func (d *Decoder) Items(v Value) []Value {
	if v.node.Kind != yaml.SequenceNode {
		d.Fail(v.Place, "want a list such as [a, b], got %s", v.Kind())
		return nil
	}
	if len(v.node.Content) == 0 {
		d.Fail(v.Place, "the list is empty")
		return nil
	}
	list := make([]Value, len(v.node.Content))
	for i, n := range v.node.Content {
		list[i] = newValue(n, index(v.Path, i))
	}
	return list
}

// OneOrItems takes a list, or one value that stands for a list of one.
func (d *Decoder) OneOrItems(v Value) []Value {
	if v.node.Kind == yaml.SequenceNode {
		return d.Items(v)
	}
	return []Value{v}
}

// Unknown reports a word that is not among those known, and which one was
// probably meant. Beyond MaxIssues nothing is compared any more: a hostile
// file must not make the search expensive.
func (d *Decoder) Unknown(at Place, what, word string, known []string) {
	if len(d.errors) >= MaxIssues {
		d.hidden++
		return
	}
	if near := nearest(word, known[:min(len(known), maxCompared)]); near != "" {
		d.Fail(at, "unknown %s, did you mean %s?", what, near)
		return
	}
	switch n := len(known); {
	case n == 0 || n > MaxListed:
		d.Fail(at, "unknown %s %s", what, Plain(word))
	case n == 1:
		d.Fail(at, "unknown %s %s, want %s", what, Plain(word), known[0])
	default:
		d.Fail(at, "unknown %s %s, want one of %s", what, Plain(word), strings.Join(known, ", "))
	}
}

// nearest returns the known word with the fewest edits, when these are few for
// its length.
func nearest(word string, known []string) string {
	best, bestEdits := "", len(word)/3+1
	if len(word) > MaxNameBytes {
		return ""
	}
	for _, k := range known {
		if n := edits(strings.ToLower(word), strings.ToLower(k)); n <= bestEdits && (best == "" || n < bestEdits) && n < len(k) {
			best, bestEdits = k, n
		}
	}
	return best
}

// edits is the Levenshtein distance in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost = 1 + min(diagonal, row[j], row[j-1])
			}
			diagonal, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}
