package resolve

import (
	"errors"
	"net"
	"net/netip"
	"time"
)

// entry is one cached answer.
type entry struct {
	addrs []netip.Addr // what was last learnt; nil when nothing ever was
	err   error        // why the last look-up failed
	good  time.Time    // until when this may be answered at once
	stale time.Time    // until when addrs may be used when nothing newer is to be had
}

// usable gives the addresses an entry may still be used for.
func (e entry) usable(now time.Time) []netip.Addr {
	if now.Before(e.stale) {
		return e.addrs
	}
	return nil
}

// answer gives what a fresh entry answers: after a failure, what was known before it.
func (e entry) answer(now time.Time) []netip.Addr {
	if e.err == nil {
		return e.addrs
	}
	return e.usable(now)
}

// learnLocked enters an outcome in the cache. A failure leaves the addresses known before, unless the name server said
// that there is no such name.
func (r *Resolver) learnLocked(host string, addrs []netip.Addr, err error, now time.Time) entry {
	var e entry
	if err == nil {
		e = entry{addrs: addrs, good: now.Add(r.o.Positive), stale: now.Add(r.o.Positive + r.o.Stale)}
	} else {
		e = entry{err: err, good: now.Add(r.o.Negative)}
		if old, ok := r.cache[host]; ok && !denied(err) {
			e.addrs, e.stale = old.addrs, old.stale
		}
	}
	if _, ok := r.cache[host]; !ok && len(r.cache) >= r.o.Entries {
		r.evictLocked(now)
	}
	r.cache[host] = e
	return e
}

// denied reports an answer that says the name has no address, unlike one that says nothing.
func denied(err error) bool {
	var d *net.DNSError
	return errors.Is(err, ErrNoAddress) || errors.As(err, &d) && d.IsNotFound
}

// evictLocked makes room: it drops what is of no more use and, when everything is, any one entry.
func (r *Resolver) evictLocked(now time.Time) {
	for host, e := range r.cache {
		if !now.Before(e.good) && e.usable(now) == nil {
			delete(r.cache, host)
		}
	}
	for host := range r.cache {
		if len(r.cache) < r.o.Entries {
			return
		}
		delete(r.cache, host)
	}
}
