//go:build !linux

package portable

import "gatehouse/media/flow"

// newEngine gives the path of systems without epoll.
func newEngine(table *flow.Table[pair], o Options) (engine, error) {
	return newPlain(table, o), nil
}
