package resolve

import (
	"bufio"
	"context"
	"io"
	"iter"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

const (
	maxFileBytes = 4 << 20 // of a hosts file or resolv.conf; what is beyond is not read
	maxServers   = 3       // of resolv.conf (resolv.conf(5), MAXNS)
	maxSearch    = 6       // domains of the search list (resolv.conf(5))
	dnsPort      = 53
)

// files is what the machine is configured to know of names: its hosts file and resolv.conf. Both are read again when
// they change; readers see one state or the other.
type files struct {
	o     Options
	hosts atomic.Pointer[map[string]entry]
	conf  atomic.Pointer[conf]

	hostsRead, confRead stamp // the watcher's
}

// conf is resolv.conf, or what takes its place.
type conf struct {
	servers []netip.AddrPort
	search  []string
	ndots   int
}

func newFiles(o Options) *files {
	// The stamps are taken first: what changes while it is read is read again.
	f := &files{o: o, hostsRead: stampOf(o.Hosts), confRead: stampOf(o.Conf)}
	f.readHosts()
	f.readConf()
	return f
}

// stamp is what tells one state of a file from the next.
type stamp struct {
	modified time.Time
	bytes    int64
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}

// watch reads the files again when they have changed, until ctx ends. A file that is gone counts as unchanged: it is
// being replaced.
func (f *files) watch(ctx context.Context) {
	ticker := time.NewTicker(filesCheck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if s := stampOf(f.o.Hosts); s != f.hostsRead && s != (stamp{}) {
			f.hostsRead = s
			f.readHosts()
		}
		if s := stampOf(f.o.Conf); s != f.confRead && s != (stamp{}) {
			f.confRead = s
			f.readConf()
		}
	}
}

// readHosts reads the hosts file (hosts(5)): lines of an address and names, `#` begins a comment.
func (f *files) readHosts() {
	m := make(map[string][]netip.Addr)
	if file, err := os.Open(f.o.Hosts); err == nil {
		m = parseHosts(file)
		_ = file.Close()
	}
	// RFC 6761 §6.3: this name is nobody else's, and no name server is asked for it.
	if m["localhost"] == nil {
		m["localhost"] = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	hosts := make(map[string]entry, len(m))
	for name, addrs := range m {
		var a answer
		for _, addr := range addrs {
			a.addAddress(addr, f.o.Allow)
		}
		a.settle()
		hosts[name] = entry{set: a.set, err: a.denial}
	}
	f.hosts.Store(&hosts)
}

func parseHosts(from io.Reader) map[string][]netip.Addr {
	m := make(map[string][]netip.Addr)
	for lines := bufio.NewScanner(io.LimitReader(from, maxFileBytes)); lines.Scan(); {
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) < 2 {
			continue
		}
		addr, ok := literal(fields[0])
		if !ok {
			continue
		}
		for _, field := range fields[1:] {
			if name, ok := canonical(field); ok {
				m[name] = append(m[name], addr)
			}
		}
	}
	return m
}

// lookup answers for names that no name server is asked for: those of the hosts file, and those that are nobody's.
func (f *files) lookup(name string) (entry, bool) {
	hosts := *f.hosts.Load()
	if e, ok := hosts[name]; ok {
		return e, true
	}
	if strings.HasSuffix(name, ".localhost") {
		return hosts["localhost"], true // RFC 6761 §6.3
	}
	// RFC 6761 §6.4; the hosts in Contacts of WebSocket clients are such (RFC 7118 §5.3).
	return entry{err: errNoName}, name == "invalid" || strings.HasSuffix(name, ".invalid")
}

// readConf reads resolv.conf, unless servers were given: then names are taken as they are. Its timeout and attempts do
// not count, we have bounds of our own.
func (f *files) readConf() {
	if len(f.o.Servers) > 0 {
		f.conf.Store(&conf{servers: f.o.Servers})
		return
	}
	c := conf{ndots: 1}
	if file, err := os.Open(f.o.Conf); err == nil {
		c = parseConf(file)
		_ = file.Close()
	}
	if len(c.servers) == 0 {
		c.servers = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), dnsPort)} // resolv.conf(5)
	}
	f.conf.Store(&c)
}

func parseConf(from io.Reader) conf {
	c := conf{ndots: 1}
	read, err := dns.ClientConfigFromReader(io.LimitReader(from, maxFileBytes))
	if err != nil {
		return c
	}
	c.ndots = read.Ndots
	for _, s := range read.Servers {
		// A zone is allowed here, unlike in a URI: fe80::1%eth0.
		if a, err := netip.ParseAddr(s); err == nil && len(c.servers) < maxServers {
			c.servers = append(c.servers, netip.AddrPortFrom(a, dnsPort))
		}
	}
	for _, s := range read.Search {
		if name, ok := canonical(s); ok && len(c.search) < maxSearch {
			c.search = append(c.search, name)
		}
	}
	return c
}

func (f *files) servers() []netip.AddrPort { return f.conf.Load().servers }

// candidates gives the names a host may mean, in order: itself first when it has enough dots, the search list, itself
// last otherwise (resolv.conf(5)).
func (f *files) candidates(host string, absolute bool) iter.Seq[string] {
	return func(yield func(string) bool) {
		c := f.conf.Load()
		early := absolute || strings.Count(host, ".") >= c.ndots
		if early && !yield(host) || absolute {
			return
		}
		for _, domain := range c.search {
			if name, ok := canonical(host + "." + domain); ok && !yield(name) {
				return
			}
		}
		if !early {
			yield(host)
		}
	}
}
