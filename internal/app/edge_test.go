package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testlab/certs"
	"gatehouse/internal/testlab/wire"
	"gatehouse/sip/transport"
)

// soon is how long an answer may take on a busy machine.
const soon = 10 * time.Second

// edge is a site whose zone outside has a listener of every kind in both families.
type edge struct {
	*site
	ca    *certs.CA
	certs string // folder of its files
	roots *x509.CertPool
}

func families(t *testing.T) []netip.Addr {
	t.Helper()
	six := netip.IPv6Loopback()
	if l, err := net.Listen("tcp", netip.AddrPortFrom(six, 0).String()); err == nil {
		_ = l.Close()
		return []netip.Addr{loopback, six}
	}
	return []netip.Addr{loopback}
}

// openEdge opens one; extra is put into the zone, and change is made to the whole file.
func openEdge(t *testing.T, extra string, change func(string) string) *edge {
	t.Helper()
	e := &edge{ca: certs.NewCA(t), roots: x509.NewCertPool()}
	e.roots.AppendCertsFromPEM(e.ca.PEM)
	dir := t.TempDir()
	e.renew(t, dir, certs.IP("127.0.0.1", "::1"), certs.DNS("first.example"))
	var listen []string
	for _, p := range wire.All() {
		for _, a := range families(t) {
			listen = append(listen, fmt.Sprintf("%q", p.Param()+"://"+netip.AddrPortFrom(a, 0).String()))
		}
	}
	e.site = openText(t, func(text string) string {
		i := strings.Index(text, "  outside:\n    listen: [")
		end := i + strings.Index(text[i:], "]\n") + 2
		text = text[:i] + "  outside:\n    listen: [" + strings.Join(listen, ", ") + "]\n    tls: {certificate: " + filepath.Join(dir, "sbc.pem") +
			", key_file: " + filepath.Join(dir, "sbc.key") + "}\n" + extra + text[end:]
		return change(bothFamilies(t, text))
	})
	e.certs = dir
	return e
}

// bothFamilies gives the zone outside a media address of each family.
func bothFamilies(t *testing.T, text string) string {
	t.Helper()
	i := strings.Index(text, "  outside:")
	i += strings.Index(text[i:], "media: {")
	end := i + strings.Index(text[i:], "}") + 1
	one := strings.TrimPrefix(text[i:end], "media: ")
	list := make([]string, 0, 2)
	for _, a := range families(t) {
		list = append(list, strings.Replace(one, loopback.String(), a.String(), 1))
	}
	return text[:i] + "media: [" + strings.Join(list, ", ") + "]" + text[end:]
}

// renew writes another certificate of the authority.
func (e *edge) renew(t *testing.T, dir string, opts ...certs.Option) {
	t.Helper()
	certificate, key := e.ca.Leaf(t, opts...)
	write(t, filepath.Join(dir, "sbc.pem"), certificate)
	write(t, filepath.Join(dir, "sbc.key"), key)
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// at is where a listener of the zone outside is bound.
func (e *edge) at(t *testing.T, p wire.Proto, v6 bool) netip.AddrPort {
	t.Helper()
	proto, ok := transport.ProtoOf(p.Param())
	if !ok {
		t.Fatalf("transport %s", p)
	}
	l := e.listen.current.Load().Find("outside", proto, v6)
	if l == nil {
		t.Fatalf("no listener for %s, IPv6 %v", p, v6)
	}
	return l.Addr()
}

// client is an endpoint on an address of this machine.
func (e *edge) client(t *testing.T, p wire.Proto, from netip.Addr, origin string) *wire.Endpoint {
	t.Helper()
	certificate, key := e.ca.Leaf(t, certs.DNS("client.example"))
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := wire.Listen(wire.Options{Proto: p, Addr: netip.AddrPortFrom(from, 0), Origin: origin,
		Server: &tls.Config{Certificates: []tls.Certificate{pair}}, Client: &tls.Config{RootCAs: e.roots}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// options makes a request nobody sent before.
func options(c *wire.Endpoint, to netip.AddrPort) string {
	n := c.Seen() + 1
	return wire.Compose(fmt.Sprintf("OPTIONS sip:%s;transport=%s SIP/2.0", to, c.Proto().Param()), []string{
		fmt.Sprintf("Via: SIP/2.0/%s %s;branch=z9hG4bK%d%d;rport", c.Proto(), c.Addr(), c.Addr().Port(), n),
		"Max-Forwards: 70", fmt.Sprintf("From: <sip:a@%s>;tag=1", c.Addr()), fmt.Sprintf("To: <sip:%s>", to),
		fmt.Sprintf("Call-ID: %d-%d", c.Addr().Port(), n), fmt.Sprintf("CSeq: %d OPTIONS", n), "Subject: " + strings.Repeat("x", 400)}, "") // so that a stranger's answer is smaller
}

// answered sends OPTIONS and wants an answer.
func answered(t *testing.T, c *wire.Endpoint, to netip.AddrPort) wire.Message {
	t.Helper()
	seen := c.Seen()
	if err := c.Send(to, options(c, to)); err != nil {
		t.Fatalf("%s to %s: %v", c.Proto(), to, err)
	}
	m, ok := c.First(seen, soon, func(m wire.Message) bool { return m.Code() > 0 })
	if !ok {
		t.Fatalf("%s to %s: no answer", c.Proto(), to)
	}
	return m
}

// shown is the certificate a server shows to who asks for a name.
func (e *edge) shown(t *testing.T, to netip.AddrPort, name string, c *tls.Config) (*x509.Certificate, error) {
	t.Helper()
	if c == nil {
		c = &tls.Config{}
	}
	c.InsecureSkipVerify, c.ServerName = true, name
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: soon}, Config: c}
	conn, err := d.DialContext(t.Context(), "tcp", to.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

func same(text string) string { return text }

// known makes the trunk's source hold both loopback addresses.
func known(text string) string {
	return strings.Replace(text, `source: ["127.0.0.1/32"]}`+"\nroutes", `source: ["127.0.0.1/32", "::1/128"]}`+"\nroutes", 1)
}

func TestListen_EveryKindAndFamily_Answers(t *testing.T) {
	e := openEdge(t, "", known)
	for _, p := range wire.All() {
		for _, a := range families(t) {
			to := e.at(t, p, a.Is6())
			if m := answered(t, e.client(t, p, a, ""), to); m.Code() != 200 {
				t.Errorf("%s to %s: %d", p, to, m.Code())
			}
			proto, _ := transport.ProtoOf(p.Param())
			if set := e.listen.current.Load(); !set.Own(to, proto) || !set.ownAny(to) {
				t.Errorf("%s is not one of ours", to)
			}
		}
	}
	transports, v4, v6 := e.listen.current.Load().Usable("outside")
	if strings.Join(transports, " ") != "udp tcp tls ws wss" || !v4 || v6 != (len(families(t)) == 2) {
		t.Errorf("usable %v %v %v", transports, v4, v6)
	}
	if n := e.signallingStats().Connections; n["tls"] == 0 || n["wss"] == 0 || n["udp"] != 0 {
		t.Errorf("connections %v", n)
	}
}

func TestReload_Certificate_NewHandshakesSeeItAndConnectionsStay(t *testing.T) {
	e := openEdge(t, "", known)
	tlsAt, wssAt := e.at(t, wire.TLS, false), e.at(t, wire.WSS, false)
	overTLS, overWSS := e.client(t, wire.TLS, loopback, ""), e.client(t, wire.WSS, loopback, "")
	answered(t, overTLS, tlsAt)
	answered(t, overWSS, wssAt)
	before, err := e.shown(t, tlsAt, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	e.renew(t, e.certs, certs.IP("127.0.0.1", "::1"), certs.DNS("second.example"))
	start := time.Now()
	if err := e.Reload(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("the reload took %v", d)
	}
	for _, to := range []netip.AddrPort{tlsAt, wssAt} {
		after, err := e.shown(t, to, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if after.Equal(before) || after.DNSNames[0] != "second.example" {
			t.Errorf("%s shows %v", to, after.DNSNames)
		}
	}
	answered(t, overTLS, tlsAt)
	answered(t, overWSS, wssAt)
	if overTLS.Connected() != 1 || overWSS.Connected() != 1 {
		t.Error("a connection was not kept")
	}
}

func TestReload_BrokenCertificate_OldOneStaysInForce(t *testing.T) {
	e := openEdge(t, "", known)
	at := e.at(t, wire.TLS, false)
	before, err := e.shown(t, at, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	policy, set, keys := e.engine.Snapshot(), e.listen.current.Load(), e.listen.keys.Load()
	good, _ := os.ReadFile(filepath.Join(e.certs, "sbc.key"))
	_, foreign := e.ca.Leaf(t)
	for name, key := range map[string][]byte{"no key": []byte("nothing\n"), "of another": foreign, "empty": nil, "cut": good[:len(good)/2]} {
		write(t, filepath.Join(e.certs, "sbc.key"), key)
		if err := e.Reload(); err == nil || !strings.Contains(err.Error(), "tls") || strings.Contains(err.Error(), "PRIVATE KEY") {
			t.Errorf("%s: %v", name, err)
		}
		after, err := e.shown(t, at, "", nil)
		if err != nil || !after.Equal(before) {
			t.Errorf("%s: another certificate is shown, %v", name, err)
		}
		if e.engine.Snapshot() != policy || e.listen.current.Load() != set || e.listen.keys.Load() != keys || e.reloadOK.Load() {
			t.Errorf("%s: something changed, or the failure does not show", name)
		}
	}
	write(t, filepath.Join(e.certs, "sbc.key"), good)
	if err := e.Reload(); err != nil {
		t.Errorf("the good key afterwards: %v", err)
	}
}

func TestReload_ClientCA_AskedForFromTheNextHandshake(t *testing.T) {
	e := openEdge(t, "", known)
	at := e.at(t, wire.TLS, false)
	open := e.client(t, wire.TLS, loopback, "")
	answered(t, open, at)
	write(t, filepath.Join(e.certs, "ca.pem"), e.ca.PEM)
	e.set(strings.Replace(e.text, "sbc.key}", "sbc.key, client_ca: "+filepath.Join(e.certs, "ca.pem")+"}", 1))
	if err := e.Reload(); err != nil {
		t.Fatal(err)
	}
	answered(t, open, at)
	certificate, key := e.ca.Leaf(t, certs.DNS("client.example"))
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	// TLS 1.2 tells a client at once that it was refused.
	if _, err := e.shown(t, at, "", &tls.Config{MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("a client without a certificate was let in")
	}
	if _, err := e.shown(t, at, "", &tls.Config{MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}); err != nil {
		t.Errorf("a client with one: %v", err)
	}
}

func TestReload_Origins_CountForTheNextHandshake(t *testing.T) {
	e := openEdge(t, "    websocket: {origins: [\"https://app.example\"]}\n", known)
	at := e.at(t, wire.WS, false)
	answered(t, e.client(t, wire.WS, loopback, "https://app.example"), at)
	other := e.client(t, wire.WS, loopback, "https://other.example")
	if err := other.Connect(at); err == nil {
		t.Fatal("a page nobody allowed was let in")
	}
	e.set(strings.Replace(e.text, "https://app.example", "https://other.example", 1))
	if err := e.Reload(); err != nil {
		t.Fatal(err)
	}
	answered(t, other, at)
	if err := e.client(t, wire.WS, loopback, "https://app.example").Connect(at); err == nil {
		t.Error("the page that was taken out of the file is still let in")
	}
}

func TestTLS_PeerCertificate_ShownToWhoAsksForItsName(t *testing.T) {
	dir := t.TempDir()
	ca := certs.NewCA(t)
	certificate, key := ca.Leaf(t, certs.DNS("trunk.sbc.example"))
	write(t, filepath.Join(dir, "peer.pem"), certificate)
	write(t, filepath.Join(dir, "peer.key"), key)
	e := openEdge(t, "", func(text string) string {
		return strings.Replace(text, "trunk: {zone: outside,", "trunk: {zone: outside, tls: {certificate: "+filepath.Join(dir, "peer.pem")+
			", key_file: "+filepath.Join(dir, "peer.key")+"},", 1)
	})
	at := e.at(t, wire.TLS, false)
	for name, want := range map[string]string{"": "first.example", "first.example": "first.example", "other.example": "first.example", "trunk.sbc.example": "trunk.sbc.example"} {
		if c, err := e.shown(t, at, name, nil); err != nil || c.DNSNames[0] != want {
			t.Errorf("asked for %q, %v: %v", name, want, err)
		}
	}
}

func TestClient_Way_ByPeerElseByZone(t *testing.T) {
	e := openEdge(t, "", func(text string) string {
		return strings.Replace(text, "trunk: {zone: outside,", "trunk: {zone: outside, tls: {server_name: Proven.example},", 1)
	})
	set := e.listen.current.Load()
	trunk, pbx, zone := set.Client("outside", "trunk", "a.example"), set.Client("inside", "pbx", "a.example"), set.Client("outside", "", "a.example")
	if !strings.EqualFold(trunk.Domain, "proven.example") || pbx.Domain != "a.example" || zone.Domain != "a.example" {
		t.Errorf("domains %q %q %q", trunk.Domain, pbx.Domain, zone.Domain)
	}
	if trunk.Name == zone.Name || pbx.Name == zone.Name || trunk.Name == pbx.Name {
		t.Errorf("names %q %q %q", trunk.Name, pbx.Name, zone.Name)
	}
	if c := zone.Config(); c == nil || c.ServerName != "a.example" || len(c.Certificates) != 1 {
		t.Errorf("zone: %+v", c)
	}
	if c := pbx.Config(); c == nil || len(c.Certificates) != 0 {
		t.Errorf("a peer of a zone without a certificate: %+v", c)
	}
	// A peer that is gone from the file is still reached as it was, by its calls.
	e.set(strings.NewReplacer("trunk: {zone: outside, tls: {server_name: Proven.example},", "other: {zone: outside,", "[trunk]", "[other]", "from: trunk", "from: other").Replace(e.text))
	if err := e.Reload(); err != nil {
		t.Fatal(err)
	}
	if again := e.listen.current.Load().Client("outside", "trunk", "a.example"); again.Name != trunk.Name || again.Domain != trunk.Domain || again.Config() == nil {
		t.Errorf("%+v", again)
	}
	if nobody := e.listen.current.Load().Client("nowhere", "nobody", "a.example"); nobody.Config() != nil {
		t.Error("a way to nobody")
	}
}

func TestTLS_PeerCA_SignsItsConnectionsToUs(t *testing.T) {
	dir := t.TempDir()
	zoneCA, peerCA, other := certs.NewCA(t), certs.NewCA(t), certs.NewCA(t)
	write(t, filepath.Join(dir, "zone.pem"), zoneCA.PEM[:len(zoneCA.PEM)-1]) // without its last line end
	write(t, filepath.Join(dir, "peer.pem"), peerCA.PEM)
	e := openEdge(t, "", func(text string) string {
		return strings.NewReplacer("sbc.key}", "sbc.key, client_ca: "+filepath.Join(dir, "zone.pem")+"}",
			"trunk: {zone: outside,", "trunk: {zone: outside, tls: {ca: "+filepath.Join(dir, "peer.pem")+"},").Replace(text)
	})
	at := e.at(t, wire.TLS, false)
	for name, c := range map[string]struct {
		ca   *certs.CA
		good bool
	}{"zone": {zoneCA, true}, "peer": {peerCA, true}, "other": {other, false}} {
		pair, err := tls.X509KeyPair(c.ca.Leaf(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.shown(t, at, "", &tls.Config{MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}); (err == nil) != c.good {
			t.Errorf("a client of the %s's authority: %v", name, err)
		}
	}
}

// TestTLS_PeerCA_VouchesForNoOtherPeersName: of two peers told apart by their certificates each may run an authority of
// its own, and must not become the other by it.
func TestTLS_PeerCA_VouchesForNoOtherPeersName(t *testing.T) {
	dir := t.TempDir()
	zoneCA, trunkCA, otherCA := certs.NewCA(t), certs.NewCA(t), certs.NewCA(t)
	for name, ca := range map[string]*certs.CA{"zone.pem": zoneCA, "trunk.pem": trunkCA, "other.pem": otherCA} {
		write(t, filepath.Join(dir, name), ca.PEM)
	}
	e := openEdge(t, "", func(text string) string {
		return strings.NewReplacer("sbc.key}", "sbc.key, client_ca: "+filepath.Join(dir, "zone.pem")+"}",
			"  trunk: {zone: outside,", `  other: {zone: outside, address: "sip:127.0.0.9:5061;transport=tls", match: {certificate: other.example}, tls: {ca: `+filepath.Join(dir, "other.pem")+`}}
  trunk: {zone: outside, match: {certificate: trunk.example}, tls: {ca: `+filepath.Join(dir, "trunk.pem")+"},").Replace(text)
	})
	at := e.at(t, wire.TLS, false)
	for name, c := range map[string]struct {
		ca   *certs.CA
		san  string
		good bool
	}{
		"its own name": {trunkCA, "trunk.example", true}, "nobody's name": {trunkCA, "third.example", true}, "the other's name": {trunkCA, "other.example", false},
		"the other's in other case": {trunkCA, "Other.Example", false}, "the other by its own": {otherCA, "other.example", true}, "the zone's authority": {zoneCA, "other.example", true},
	} {
		pair, err := tls.X509KeyPair(c.ca.Leaf(t, certs.DNS(c.san)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.shown(t, at, "", &tls.Config{MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClient_TargetNoPeerNames_ZoneAuthorityIsBelieved(t *testing.T) {
	e := openEdge(t, "", known)
	pair, err := tls.X509KeyPair(e.ca.Leaf(t, certs.DNS("target.example")))
	if err != nil {
		t.Fatal(err)
	}
	target, err := wire.Listen(wire.Options{Proto: wire.TLS, Addr: netip.AddrPortFrom(loopback, 0), Server: &tls.Config{Certificates: []tls.Certificate{pair}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(target.Close)
	dial := func(peer, domain string) error {
		c, err := tls.Dial("tcp", target.Addr().String(), e.listen.current.Load().Client("outside", peer, domain).Config())
		if err == nil {
			_ = c.Close()
		}
		return err
	}
	if dial("", "target.example") == nil {
		t.Error("an authority nobody named was believed")
	}
	write(t, filepath.Join(e.certs, "ca.pem"), e.ca.PEM)
	e.set(strings.Replace(e.text, "sbc.key}", "sbc.key, client_ca: "+filepath.Join(e.certs, "ca.pem")+"}", 1))
	if err := e.Reload(); err != nil {
		t.Fatal(err)
	}
	if err := dial("", "target.example"); err != nil {
		t.Errorf("with the zone's authority: %v", err)
	}
	if dial("", "other.example") == nil {
		t.Error("a certificate of somebody else was believed")
	}
	if dial("trunk", "target.example") == nil {
		t.Error("a peer without a ca of its own is one of the system's authorities only")
	}
}
