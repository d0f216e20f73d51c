package config

import (
	"strconv"

	"gatehouse/config/reference"
	"gatehouse/config/strict"
)

// routeDraft is a route with the places of its values.
type routeDraft struct {
	strict.Place
	route    Route
	named    strict.Place
	from, to []strict.Located[string]
	called   []strict.Located[Pattern]
	sound    bool // every list was decoded without a mistake
}

func (d *decoder) decodeRoutes(v strict.Value) {
	if v.Null() {
		d.Fail(v.Place, "want at least one route: every call would be refused")
		return
	}
	for i, item := range d.Items(v) {
		r := &routeDraft{Place: item.Place, route: Route{Name: defaultRouteName(i), Pos: item.Pos}, named: item.Place}
		d.routes = append(d.routes, r)
		d.decodeRoute(item, r)
	}
}

func (d *decoder) decodeRoute(v strict.Value, r *routeDraft) {
	before := d.Mistakes()
	var from, to bool
	mapping := d.Section(v, reference.Route, map[string]func(strict.Value){
		"name": func(v strict.Value) {
			if s, ok := d.Name(v); ok {
				r.route.Name, r.named = s, v.Place
			}
		},
		"from":   func(v strict.Value) { from = true; r.from = d.decodeWords(v) },
		"called": func(v strict.Value) { d.decodeCalled(v, r) },
		"to":     func(v strict.Value) { to = true; r.to = d.decodeTargets(v) },
	})
	if mapping {
		d.Need(r.Place, from, "from")
		d.Need(r.Place, to, "to")
	}
	r.sound = d.Mistakes() == before
}

// decodeTargets takes the peers of to.
func (d *decoder) decodeTargets(v strict.Value) []strict.Located[string] {
	list := d.decodeWords(v)
	if len(list) > MaxTargets {
		d.Fail(v.Place, "more than %d targets in one route", MaxTargets)
		return nil
	}
	return list
}

// decodeWords takes one name or a list of names.
func (d *decoder) decodeWords(v strict.Value) []strict.Located[string] {
	var list []strict.Located[string]
	for _, item := range d.OneOrItems(v) {
		if s, ok := d.Word(item); ok {
			list = append(list, strict.Located[string]{Place: item.Place, V: s})
		}
	}
	return list
}

func (d *decoder) decodeCalled(v strict.Value, r *routeDraft) {
	for _, w := range d.decodeWords(v) {
		p, err := ParsePattern(w.V)
		if err != nil {
			d.Fail(w.Place, "%v", err)
			continue
		}
		r.called = append(r.called, strict.Located[Pattern]{Place: w.Place, V: p})
		r.route.Called = append(r.route.Called, w.V)
	}
}

func (r *routeDraft) finish() Route {
	route := r.route
	route.From = strict.Values(r.from)
	route.To = strict.Values(r.to)
	return route
}

func defaultRouteName(i int) string { return "route-" + strconv.Itoa(i+1) }
