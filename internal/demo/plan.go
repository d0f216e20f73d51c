package demo

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"strings"

	"gatehouse/internal/demo/papers"
)

// PortRange is a range of UDP ports, both ends in it.
type PortRange struct{ First, Last uint16 }

// String writes the range as the configuration does.
func (r PortRange) String() string { return fmt.Sprintf("%d-%d", r.First, r.Last) }

// Plan is who listens where in a demo on one machine.
type Plan struct {
	// Inside and Outside are the border controller's SIP addresses.
	Inside, Outside netip.AddrPort
	// PBX and Trunk are the endpoints' SIP addresses.
	PBX, Trunk netip.AddrPort
	// InsideMedia and OutsideMedia are the border controller's media ports.
	InsideMedia, OutsideMedia PortRange
	// Papers is the folder Papers.Save wrote to: the outside then speaks TLS.
	// Empty: everything is UDP.
	Papers string
}

const (
	// mediaPorts is the size of a media range of the demo: room for the two
	// calls a test makes at once, with quarantine.
	mediaPorts = 40
	// lowestMediaPort and highestMediaPort stay clear of Linux's ephemeral
	// ports (32768 and up), where others bind all the time.
	lowestMediaPort, highestMediaPort = 16384, 32000
	// rangeAttempts bounds the search for a free media range, portAttempts that for a SIP port.
	rangeAttempts, portAttempts = 200, 20
)

// Choose finds free ports on a loopback address. They are free now; nobody
// else is kept from taking one before it is used.
func Choose(addr netip.Addr) (Plan, error) {
	var p Plan
	var held []net.PacketConn
	defer func() {
		for _, c := range held {
			_ = c.Close() // it was only to see that the port is free
		}
	}()
	for _, out := range []*netip.AddrPort{&p.Inside, &p.Outside, &p.PBX, &p.Trunk} {
		c, err := freePort(addr)
		if err != nil {
			return Plan{}, fmt.Errorf("choose a SIP port: %w", err)
		}
		held = append(held, c)
		*out = netip.AddrPortFrom(addr, c.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	}
	for _, out := range []*PortRange{&p.InsideMedia, &p.OutsideMedia} {
		r, conns, err := freeRange(addr)
		held = append(held, conns...)
		if err != nil {
			return Plan{}, err
		}
		*out = r
	}
	return p, nil
}

// freePort finds a port that is free for UDP, which is held, and for TCP.
func freePort(addr netip.Addr) (net.PacketConn, error) {
	var last error
	for range portAttempts {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
		if err != nil {
			return nil, err
		}
		l, err := net.Listen("tcp", c.LocalAddr().String())
		if err == nil {
			return c, l.Close()
		}
		last = errors.Join(err, c.Close())
	}
	return nil, last
}

// freeRange finds a range at an even port and gives the sockets that hold it.
func freeRange(addr netip.Addr) (PortRange, []net.PacketConn, error) {
	var last error
	for range rangeAttempts {
		first := uint16(lowestMediaPort + 2*rand.IntN((highestMediaPort-lowestMediaPort-mediaPorts)/2))
		conns, err := bindAll(addr, first)
		if err == nil {
			return PortRange{First: first, Last: first + mediaPorts - 1}, conns, nil
		}
		last = err
	}
	return PortRange{}, nil, fmt.Errorf("choose media ports on %s: %w", addr, last)
}

func bindAll(addr netip.Addr, first uint16) ([]net.PacketConn, error) {
	conns := make([]net.PacketConn, 0, mediaPorts)
	for i := range uint16(mediaPorts) {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, first+i)))
		if err != nil {
			for _, c := range conns {
				_ = c.Close()
			}
			return nil, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}

// Config writes the border controller's configuration for a plan. cdrFile and
// logLevel may be empty.
func Config(p Plan, cdrFile, logLevel string) string {
	var b strings.Builder
	outside, trunk, zoneTLS, peerTLS := "udp", "", "", ""
	if p.Papers != "" {
		file := func(name string) string { return fmt.Sprintf("%q", filepath.Join(p.Papers, name)) }
		outside, trunk = "tls", ";transport=tls"
		zoneTLS = fmt.Sprintf("\n    tls: {certificate: %s, key_file: %s, client_ca: %s}", file(papers.CertificateFile), file(papers.KeyFile), file(papers.CAFile))
		peerTLS = fmt.Sprintf(", tls: {ca: %s}", file(papers.CAFile))
	}
	fmt.Fprintf(&b, `node: demo
zones:
  inside:
    listen: ["udp://%s"]
    trust: full
    media: {address: %s, ports: %s}
  outside:
    listen: ["%s://%s"]
    media: {address: %s, ports: %s}%s
peers:
  pbx: {zone: inside, address: "sip:%s", source: [%s]}
  trunk: {zone: outside, address: "sip:%s%s", source: [%s]%s}
routes:
  - {name: outbound, from: pbx, called: ["+*"], to: [trunk]}
  - {name: inbound, from: trunk, to: [pbx]}
`, p.Inside, quoted(p.Inside.Addr()), p.InsideMedia, outside, p.Outside, quoted(p.Outside.Addr()), p.OutsideMedia, zoneTLS,
		p.PBX, prefix(p.PBX.Addr()), p.Trunk, trunk, prefix(p.Trunk.Addr()), peerTLS)
	if cdrFile != "" {
		fmt.Fprintf(&b, "cdr: {file: %q}\n", cdrFile)
	}
	if logLevel != "" {
		fmt.Fprintf(&b, "log: {level: %s}\n", logLevel)
	}
	return b.String()
}

// quoted keeps YAML from reading an IPv6 address as a mapping.
func quoted(a netip.Addr) string { return fmt.Sprintf("%q", a.String()) }

func prefix(a netip.Addr) string {
	return fmt.Sprintf("%q", netip.PrefixFrom(a, a.BitLen()).String())
}
