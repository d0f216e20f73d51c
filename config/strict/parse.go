package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"
)

// Document parses the bytes into the one document, within the limits. Whatever
// is wrong is reported; false means there is nothing to decode.
func (d *Decoder) Document(data []byte) (Value, bool) {
	top := Place{Pos: Pos{Line: 1, Col: 1}}
	if len(data) > MaxFileBytes {
		d.Fail(top, "the file is larger than %d bytes", MaxFileBytes)
		return Value{}, false
	}
	if at, why := badByte(data); why != "" {
		d.Fail(Place{Pos: at}, "%s", why)
		return Value{}, false
	}
	if n := separators(data); n > maxSeparators {
		d.Fail(top, "the file holds more than %d lines and list entries", maxSeparators)
		return Value{}, false
	}
	doc, more, err := parseYAML(data)
	if err != nil {
		d.syntaxError(err, data)
		return Value{}, false
	}
	if doc == nil || len(doc.Content) == 0 {
		d.Fail(top, "the file is empty")
		return Value{}, false
	}
	if more {
		d.Fail(top, "the file holds more than one YAML document")
		return Value{}, false
	}
	budget := MaxNodes
	if !d.bounded(doc.Content[0], 1, &budget) {
		return Value{}, false
	}
	return newValue(doc.Content[0], ""), true
}

// parseYAML reads the first document and tells whether there is another. The
// parser has a history of panics on broken input, and a reload must survive
// any file, so a panic becomes an error here and nowhere else.
func parseYAML(data []byte) (doc *yaml.Node, more bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			doc, more, err = nil, false, fmt.Errorf("the YAML parser gave up: %v", p)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	doc = &yaml.Node{}
	if err := dec.Decode(doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, false, nil
		}
		return nil, false, err
	}
	var next yaml.Node
	if err := dec.Decode(&next); err != nil {
		if errors.Is(err, io.EOF) {
			return doc, false, nil
		}
		return nil, false, err
	}
	return doc, true, nil
}

// separators counts the bytes that can start another value.
func separators(data []byte) int {
	n := 0
	for _, c := range data {
		switch c {
		case '\n', '\r', ',', '[', '{':
			n++
		}
	}
	return n
}

// bounded walks the tree as it is once every alias is followed. It stops at
// the first value beyond a limit, so that a few lines of nested aliases or an
// alias inside its own anchor cost nothing.
func (d *Decoder) bounded(n *yaml.Node, depth int, budget *int) bool {
	here := Place{Pos: Pos{Line: n.Line, Col: n.Column}}
	if depth > MaxDepth {
		d.Fail(here, "nested deeper than %d levels", MaxDepth)
		return false
	}
	if *budget--; *budget < 0 {
		d.Fail(here, "the file holds more than %d values once its aliases are followed", MaxNodes)
		return false
	}
	if n.Kind == yaml.AliasNode {
		return d.bounded(n.Alias, depth+1, budget)
	}
	if n.Style&yaml.TaggedStyle != 0 {
		d.Fail(here, "YAML tags such as %s are not used here", Quote(n.Tag))
		return false
	}
	for _, child := range n.Content {
		if !d.bounded(child, depth+1, budget) {
			return false
		}
	}
	return true
}
