// Package route compiles the routes of a configuration into a table and finds
// the route of a call.
//
// It owns the order of routes and the meaning of from, called and to. It
// refuses to know what a target is: the caller names the type. A Table never
// changes after New, so any number of goroutines may use it; policy/engine
// builds one for each snapshot.
package route

import (
	"fmt"

	"gatehouse/config"
)

// Table holds the routes of one snapshot by the peer they take calls from.
type Table[T any] struct {
	byPeer map[string][]Rule[T]
}

// Rule is one route as the calls of one peer see it.
type Rule[T any] struct {
	// Name is the name of the route.
	Name string
	// Line is where it stands in the file.
	Line int
	// Targets are tried in order, at least one; the caller must not change the slice.
	Targets []T

	called []config.Pattern // none takes every call
}

// New compiles the routes; resolve gives the target of a peer's name.
func New[T any](routes []config.Route, resolve func(peer string) (T, bool)) (*Table[T], error) {
	t := &Table[T]{byPeer: make(map[string][]Rule[T])}
	for _, r := range routes {
		called, err := patterns(r.Called)
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", r.Name, err)
		}
		for _, from := range r.From {
			if _, ok := resolve(from); !ok {
				return nil, fmt.Errorf("route %s: no peer %s", r.Name, from)
			}
			targets, err := targetsFor(r, from, resolve)
			if err != nil {
				return nil, fmt.Errorf("route %s: %w", r.Name, err)
			}
			if len(targets) > 0 {
				t.byPeer[from] = append(t.byPeer[from], Rule[T]{Name: r.Name, Line: r.Pos.Line, Targets: targets, called: called})
			}
		}
	}
	return t, nil
}

// targetsFor lists whom the calls of one peer may reach.
func targetsFor[T any](r config.Route, from string, resolve func(string) (T, bool)) ([]T, error) {
	var out []T
	for _, name := range r.To {
		target, ok := resolve(name)
		if !ok {
			return nil, fmt.Errorf("no peer %s", name)
		}
		if r.Returns(from, name) {
			out = append(out, target)
		}
	}
	return out, nil
}

func patterns(list []string) ([]config.Pattern, error) {
	out := make([]config.Pattern, 0, len(list))
	for _, s := range list {
		p, err := config.ParsePattern(s)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// Find returns the first route that takes a call of this peer to this called
// user, and nil when none does. It allocates nothing. The user is compared as
// it is: visual separators are part of it, since RFC 3261 §19.1.4 compares user
// parts so and only a tel URI may drop them (RFC 3966 §4).
func (t *Table[T]) Find(from, called string) *Rule[T] {
	rules := t.byPeer[from]
	for i := range rules {
		if rules[i].takes(called) {
			return &rules[i]
		}
	}
	return nil
}

func (r *Rule[T]) takes(called string) bool {
	if len(r.called) == 0 {
		return true
	}
	for _, p := range r.called {
		if p.Match(called) {
			return true
		}
	}
	return false
}
