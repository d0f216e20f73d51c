package strict

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"gopkg.in/yaml.v3"
)

// index is the path of a list item.
func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// Value is one node on its way to a typed value; aliases are already followed.
type Value struct {
	Place
	node *yaml.Node
}

// newValue follows aliases. The position is that of the alias: that is the
// line the operator has to look at first.
func newValue(n *yaml.Node, path string) Value {
	v := Value{Place: Place{Pos: Pos{Line: n.Line, Col: n.Column}, Path: path}, node: n}
	for v.node.Kind == yaml.AliasNode {
		v.node = v.node.Alias
	}
	return v
}

// Null reports a key without a value.
func (v Value) Null() bool { return v.node.Kind == yaml.ScalarNode && v.node.ShortTag() == "!!null" }

// IsMapping reports whether the value has keys.
func (v Value) IsMapping() bool { return v.node.Kind == yaml.MappingNode }

// Kind names what the file holds, for messages.
func (v Value) Kind() string {
	switch v.node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode, yaml.DocumentNode, yaml.AliasNode:
	}
	switch v.node.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!int", "!!float":
		return "the number " + Quote(v.node.Value)
	case "!!bool":
		return "the truth value " + Quote(v.node.Value)
	case "!!timestamp":
		return "the date " + Quote(v.node.Value)
	}
	return Quote(v.node.Value)
}

// Quote repeats part of the file in a message: bounded, and with everything
// unprintable escaped, since messages end on terminals.
func Quote(s string) string {
	if r := []rune(s); len(r) > maxQuoted {
		return strconv.Quote(string(r[:maxQuoted])) + "..."
	}
	return strconv.Quote(s)
}

// Plain is Quote without the quotation marks where they add nothing.
func Plain(s string) string {
	if ValidName(s) {
		return s
	}
	return Quote(s)
}

// Text takes a scalar that YAML itself reads as a text.
func (d *Decoder) Text(v Value) (string, bool) {
	if v.node.Kind != yaml.ScalarNode || v.Null() {
		d.Fail(v.Place, "want a text, got %s", v.Kind())
		return "", false
	}
	if v.node.ShortTag() != "!!str" {
		d.Fail(v.Place, "want a text, got %s: put it in quotes", v.Kind())
		return "", false
	}
	return d.Word(v)
}

// Word takes any scalar exactly as written, so that names and numbers to dial
// need no quotes.
func (d *Decoder) Word(v Value) (string, bool) {
	if v.node.Kind != yaml.ScalarNode || v.Null() {
		d.Fail(v.Place, "want a text, got %s", v.Kind())
		return "", false
	}
	s := v.node.Value
	switch {
	case s == "":
		d.Fail(v.Place, "is empty")
		return "", false
	case len(s) > MaxTextBytes:
		d.Fail(v.Place, "is longer than %d bytes", MaxTextBytes)
		return "", false
	case strings.Contains(s, "${"):
		d.Fail(v.Place, "variables are only expanded in secrets, got %s", Quote(s))
		return "", false
	case strings.ContainsFunc(s, unicode.IsControl):
		d.Fail(v.Place, "holds a control character: %s", Quote(s))
		return "", false
	}
	return s, true
}

// Name takes what may name a node, zone, peer or route.
func (d *Decoder) Name(v Value) (string, bool) {
	s, ok := d.Word(v)
	if ok && !ValidName(s) {
		d.Fail(v.Place, "%s", BadName(s))
		return "", false
	}
	return s, ok
}

// BadName says why a name is refused.
func BadName(s string) string {
	return fmt.Sprintf("%s is no name: want at most %d letters, digits, dots, dashes and underscores, a letter or digit first", Quote(s), MaxNameBytes)
}

// ValidName keeps names usable in metric labels, file names and paths.
func ValidName(s string) bool {
	if s == "" || len(s) > MaxNameBytes {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '-' || c == '_'):
		default:
			return false
		}
	}
	return true
}

// Duration takes a Go duration with its unit.
func (d *Decoder) Duration(v Value, into *time.Duration, low, high time.Duration) {
	if v.node.Kind != yaml.ScalarNode || v.Null() {
		d.Fail(v.Place, "want a duration such as 30s, got %s", v.Kind())
		return
	}
	got, err := time.ParseDuration(v.node.Value)
	switch {
	case err != nil && v.node.ShortTag() == "!!int":
		d.Fail(v.Place, "want a duration with its unit, such as %ss, got %s", Plain(v.node.Value), v.Kind())
	case err != nil:
		d.Fail(v.Place, "want a duration such as 30s, 5m or 4h, got %s", v.Kind())
	case got < low || got > high:
		d.Fail(v.Place, "want a duration from %s to %s, got %s", shortDuration(low), shortDuration(high), Plain(v.node.Value))
	default:
		*into = got
	}
}

// Int takes a decimal number. Leading zeros, underscores and other bases are
// refused: they hardly ever mean what they look like.
func (d *Decoder) Int(v Value, into *int, low, high int) {
	n, err := strconv.Atoi(v.node.Value)
	if v.node.Kind != yaml.ScalarNode || v.node.ShortTag() != "!!int" || err != nil || strconv.Itoa(n) != v.node.Value || n < low || n > high {
		d.Fail(v.Place, "want a number from %d to %d, got %s", low, high, v.Kind())
		return
	}
	*into = n
}

// Bool takes true or false.
func (d *Decoder) Bool(v Value, into *bool) {
	if v.node.Kind != yaml.ScalarNode || v.node.ShortTag() != "!!bool" {
		d.Fail(v.Place, "want true or false, got %s", v.Kind())
		return
	}
	*into = strings.EqualFold(v.node.Value, "true")
}

// shortDuration writes 4h instead of 4h0m0s.
func shortDuration(v time.Duration) string {
	s := v.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Choice takes one of the words of now; the words of later are refused apart.
func (d *Decoder) Choice(v Value, now, later []string) (string, bool) {
	s, ok := d.Text(v)
	if !ok {
		return "", false
	}
	for _, w := range now {
		if s == w {
			return s, true
		}
	}
	for _, w := range later {
		if s == w {
			d.Fail(v.Place, "%s is %s", Quote(s), NotYet)
			return "", false
		}
	}
	d.Fail(v.Place, "%s unknown, want %s", Quote(s), strings.Join(now, " or "))
	return "", false
}

// Scalar returns a scalar as written, and false for a mapping or a list. It
// checks nothing and reports nothing.
func (v Value) Scalar() (string, bool) { return v.node.Value, v.node.Kind == yaml.ScalarNode }
