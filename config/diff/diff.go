// Package diff compares two values of one type down to the fields that the
// caller declares, so that a change can be named and judged field by field.
//
// It opens structs, pointers and lists of structs by reflection and compares
// what it reaches with reflect.DeepEqual. It refuses to know what a field
// means. There is no state and no I/O, so Compare may be called from any
// goroutine; the values must not change meanwhile. Its caller is the package
// config.
package diff

import (
	"reflect"
	"strings"
)

// Difference is one field that differs, or one struct that only one side has.
type Difference struct {
	// Field is the declared field, such as Zones.Listen; with Whole the first field of the struct.
	Field string
	// Item names the outermost list item that it is in, "" outside of lists.
	Item string
	// Whole tells that the whole struct of Field came or went.
	Whole bool
}

// Rules say how to compare.
type Rules struct {
	// Declared reports a field that is compared as one value; anything else is opened and must be a struct, a pointer to one or a list of them.
	Declared func(field string) bool
	// Skip reports a field that does not count.
	Skip func(f reflect.StructField, field string) bool
	// Name pairs the items of a list: those of equal name are compared.
	Name func(item any, i int) string
}

// Compare returns what differs, in no order. Both values have the same type, a
// struct.
func Compare(old, next any, r Rules) []Difference {
	w := walker{Rules: r}
	w.walk(reflect.ValueOf(old), reflect.ValueOf(next), "", "")
	return w.out
}

type walker struct {
	Rules
	out []Difference
}

func (w *walker) walk(a, b reflect.Value, field, item string) {
	if w.Declared(field) {
		if !reflect.DeepEqual(a.Interface(), b.Interface()) {
			w.out = append(w.out, Difference{Field: field, Item: item})
		}
		return
	}
	switch a.Kind() { //nolint:exhaustive // Rules promise that nothing else is left to open
	case reflect.Slice:
		w.lists(a, b, field, item)
	case reflect.Pointer:
		switch {
		case a.IsNil() != b.IsNil():
			w.whole(a.Type().Elem(), field, item)
		case !a.IsNil():
			w.walk(a.Elem(), b.Elem(), field, item)
		}
	default:
		for i := range a.NumField() {
			f := a.Type().Field(i)
			name := strings.TrimPrefix(field+"."+f.Name, ".")
			if !w.Skip(f, name) {
				w.walk(a.Field(i), b.Field(i), name, item)
			}
		}
	}
}

// lists pairs the items of two lists by their names.
func (w *walker) lists(a, b reflect.Value, field, item string) {
	partner := make(map[string]int, b.Len())
	for i := range b.Len() {
		partner[w.Name(b.Index(i).Interface(), i)] = i
	}
	outer := func(name string) string {
		if item == "" {
			return name
		}
		return item
	}
	for i := range a.Len() {
		name := w.Name(a.Index(i).Interface(), i)
		at, ok := partner[name]
		if !ok {
			w.whole(a.Type().Elem(), field, outer(name))
			continue
		}
		delete(partner, name)
		w.walk(a.Index(i), b.Index(at), field, outer(name))
	}
	for name := range partner {
		w.whole(a.Type().Elem(), field, outer(name))
	}
}

func (w *walker) whole(typ reflect.Type, field, item string) {
	w.out = append(w.out, Difference{Field: field + "." + typ.Field(0).Name, Item: item, Whole: true})
}
