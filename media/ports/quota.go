package ports

import "net/netip"

// sourceBitsV6 is the prefix that counts as one IPv6 source: a host usually has a whole /64 to choose from.
const sourceBitsV6 = 64

// Quota limits how many pairs calls from one source address hold at a time, so that one source cannot empty a pool. The zero
// value limits nothing. It is not safe for concurrent use.
type Quota struct {
	limit int
	held  map[netip.Addr]int
}

// NewQuota allows limit pairs a source; zero or less allows any number.
func NewQuota(limit int) *Quota {
	return &Quota{limit: limit, held: make(map[netip.Addr]int)}
}

// Take counts one more pair for source, or refuses. An invalid source is not limited.
func (q *Quota) Take(source netip.Addr) bool {
	if q.limit <= 0 || !source.IsValid() {
		return true
	}
	key := sourceKey(source)
	if q.held[key] >= q.limit {
		return false
	}
	q.held[key]++
	return true
}

// Give returns one pair that Take granted to source.
func (q *Quota) Give(source netip.Addr) {
	if q.limit <= 0 || !source.IsValid() {
		return
	}
	key := sourceKey(source)
	if q.held[key]--; q.held[key] <= 0 {
		delete(q.held, key)
	}
}

// Held is the number of pairs source holds.
func (q *Quota) Held(source netip.Addr) int { return q.held[sourceKey(source)] }

func sourceKey(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a
	}
	prefix, err := a.Prefix(sourceBitsV6)
	if err != nil {
		return a
	}
	return prefix.Addr()
}
