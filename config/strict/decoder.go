package strict

import (
	"fmt"
	"strconv"
)

// NotYet refuses what the format has and this version does not do. It differs
// from the message for an unknown key on purpose: the key is right.
const NotYet = "not supported by this version yet"

// Pos is a place in the file; both numbers start at 1, and 0 means unknown.
type Pos struct {
	// Line and Col count from 1; Col counts characters, not bytes.
	Line, Col int
}

// Place is where something stands: in the file and in the document.
type Place struct {
	// Pos is the place in the file.
	Pos Pos
	// Path is the place in the document, such as peers.pbx.source[0].
	Path string
}

// Located is a decoded value with its place, for the checks that come after
// decoding.
type Located[T any] struct {
	Place
	// V is the value.
	V T
}

// Values drops the places. An empty list gives nil, so that what is absent
// compares equal however it came to be.
func Values[T any](list []Located[T]) []T {
	if len(list) == 0 {
		return nil
	}
	out := make([]T, 0, len(list))
	for _, l := range list {
		out = append(out, l.V)
	}
	return out
}

// Decoder collects what is wrong with one file.
type Decoder struct {
	file     string
	sections map[string]Section
	errors   []Issue
	warnings []Issue
	hidden   int // errors beyond MaxIssues
}

// NewDecoder makes a decoder for the file of that name and these sections.
func NewDecoder(file string, sections []Section) *Decoder {
	d := &Decoder{file: file, sections: make(map[string]Section, len(sections))}
	for _, s := range sections {
		d.sections[s.Path] = s
	}
	return d
}

// Fail reports a mistake.
func (d *Decoder) Fail(at Place, format string, args ...any) {
	if len(d.errors) >= MaxIssues {
		d.hidden++
		return
	}
	d.errors = append(d.errors, d.issue(at, Error, format, args))
}

// Warn reports advice.
func (d *Decoder) Warn(at Place, format string, args ...any) {
	if len(d.warnings) < MaxIssues {
		d.warnings = append(d.warnings, d.issue(at, Warning, format, args))
	}
}

func (d *Decoder) issue(at Place, s Severity, format string, args []any) Issue {
	return Issue{File: d.file, Pos: at.Pos, Path: at.Path, Message: fmt.Sprintf(format, args...), Severity: s}
}

// Need reports a required key that the section at does not have.
func (d *Decoder) Need(at Place, given bool, key string) {
	if !given {
		d.Fail(at, "%s is missing", key)
	}
}

// Mistakes returns how many there are so far. A caller compares two counts to
// learn whether a part of the file was sound.
func (d *Decoder) Mistakes() int { return len(d.errors) + d.hidden }

// Warnings returns the advice, sorted by position.
func (d *Decoder) Warnings() []Issue {
	sortIssues(d.warnings)
	return d.warnings
}

// Err returns every mistake as Errors, sorted by position, or nil when there
// is none.
func (d *Decoder) Err() error {
	if len(d.errors) == 0 {
		return nil
	}
	sortIssues(d.errors)
	list := Errors(d.errors)
	if d.hidden > 0 {
		last := list[len(list)-1].Pos
		list = append(list[:len(list):len(list)], Issue{File: d.file, Pos: last, Message: strconv.Itoa(d.hidden) + " more mistakes"})
	}
	return list
}
