//go:build interop

package interop

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/testlab/certs"
	"gatehouse/internal/testlab/wire"
)

// tlsPort is where SIP over TLS is at home (RFC 3261 §19.1.2).
const tlsPort = 5061

func tlsAddr(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, tlsPort) }

// newTLSPlan is a plan whose outside listens on TLS too, with a certificate for its address. more goes into the zone's tls section.
func newTLSPlan(t *testing.T, papers *papers, more string) plan {
	t.Helper()
	p := newPlan(t)
	papers.issue("border", certs.IP(p.Outside.String()), certs.DNS("sbc.example.com"))
	p.OutsideListen = []string{"tls://" + tlsAddr(p.Outside).String()}
	p.OutsideOptions = "    " + papers.yaml("border", more) + "\n"
	return p
}

// openssl runs openssl s_client against the border, from the carrier's address, with one OPTIONS for input. It returns what was printed once the
// answer came, or once the connection ended.
func openssl(t *testing.T, p plan, papers *papers, arguments ...string) string {
	t.Helper()
	to := tlsAddr(p.Outside)
	cmd := exec.Command("openssl", append([]string{"s_client", "-connect", to.String(), "-bind", p.Carrier.Addr().String() + ":0",
		"-CAfile", papers.path("ca.pem"), "-verify_return_error", "-ign_eof"}, arguments...)...)
	out := newTail()
	cmd.Stdout, cmd.Stderr = out, out
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("openssl (scripts/setup test installs it): %v", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	host := p.Carrier.Addr().String()
	_, _ = io.WriteString(in, wire.Compose("OPTIONS sip:"+to.String()+" SIP/2.0", []string{
		"Via: SIP/2.0/TLS " + host + ";branch=" + unique("z9hG4bK") + ";rport", "Max-Forwards: 70", "From: <sip:ping@" + host + ">;tag=" + unique("t"),
		"To: <sip:" + to.String() + ">", "Call-ID: " + unique("ping"), "CSeq: 1 OPTIONS"}, ""))
	becomes(answerWithin, func() bool {
		select {
		case <-exited:
			return true
		default:
			return out.has("CSeq: 1 OPTIONS\r\n")
		}
	})
	_ = cmd.Process.Kill()
	<-exited
	return out.String()
}

const answered = "SIP/2.0 200 "

func TestTLS_OpenSSL_VersionsAreAcceptedFrom12(t *testing.T) {
	t.Parallel()
	// A client of our days speaks TLS 1.1 only when its own security level is off.
	old := []string{"-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"}
	tests := []struct {
		name, min string
		arguments []string
		want      []string
	}{
		{"1.2", "", []string{"-tls1_2"}, []string{answered, "TLSv1.2"}},
		{"1.3", "", []string{"-tls1_3"}, []string{answered, "TLSv1.3"}},
		{"1.1", "", old, []string{"alert protocol version"}},
		{"1.2 where 1.3 is asked for", ", min_version: \"1.3\"", []string{"-tls1_2"}, []string{"alert protocol version"}},
		{"1.3 where 1.3 is asked for", ", min_version: \"1.3\"", []string{"-tls1_3"}, []string{answered, "TLSv1.3"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			papers := newPapers(t)
			p := newTLSPlan(t, papers, tt.min)
			startBorder(t, p)
			out := openssl(t, p, papers, tt.arguments...)
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in what openssl says:\n%s", want, out)
				}
			}
			if refused := tt.want[0] != answered; refused && strings.Contains(out, "SIP/2.0") {
				t.Errorf("answered all the same:\n%s", out)
			}
		})
	}
}

// A zone shows the certificate of the name that is asked for: its own, or that of the peer who knows us by another one.
func TestTLS_OpenSSL_SNIChoosesTheCertificate(t *testing.T) {
	t.Parallel()
	papers := newPapers(t)
	p := newTLSPlan(t, papers, "")
	papers.issue("special", certs.CN("special"), certs.DNS("gw.carrier.example"))
	p.CarrierAddress = fmt.Sprintf("\"sip:%s;transport=tls\"", tlsAddr(p.Carrier.Addr()))
	p.CarrierOptions = "    " + papers.yaml("special", ", "+papers.trust("ca")) + "\n"
	startBorder(t, p)
	for name, want := range map[string]string{"sbc.example.com": "", "gw.carrier.example": "special", "unheard.example": ""} {
		out := openssl(t, p, papers, "-servername", name)
		_, subject, _ := strings.Cut(out, "subject=")
		subject, _, _ = strings.Cut(subject, "\n")
		if special := strings.Contains(subject, "special"); special != (want == "special") || !strings.Contains(out, answered) {
			t.Errorf("asked for %s: subject %q in\n%s", name, subject, out)
		}
	}
}

func TestTLS_OpenSSL_ClientCertificateIsAskedForAndChecked(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, auth string
		shows      string // "", "ours" or "foreign"
		want       bool
	}{
		{"required and shown", "", "ours", true},
		{"required and missing", "", "", false},
		{"required, of another authority", "", "foreign", false},
		{"requested and shown", ", client_auth: request", "ours", true},
		{"requested and missing", ", client_auth: request", "", true},
		{"requested, of another authority", ", client_auth: request", "foreign", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, version := range []string{"-tls1_2", "-tls1_3"} {
				papers, foreign := newPapers(t), newPapers(t)
				p := newTLSPlan(t, papers, ", "+papers.trust("client_ca")+tt.auth)
				arguments := []string{version}
				switch tt.shows {
				case "ours":
					papers.issue("client", certs.DNS("carrier.example"))
					arguments = append(arguments, "-cert", papers.path("client.pem"), "-key", papers.path("client.key"))
				case "foreign":
					foreign.issue("client", certs.DNS("carrier.example"))
					arguments = append(arguments, "-cert", foreign.path("client.pem"), "-key", foreign.path("client.key"))
				}
				startBorder(t, p)
				out := openssl(t, p, papers, arguments...)
				if strings.Contains(out, answered) != tt.want {
					t.Errorf("%s: answered %t, want %t:\n%s", version, !tt.want, tt.want, out)
				}
				if !tt.want && !strings.Contains(out, "alert") {
					t.Errorf("%s: no alert says why:\n%s", version, out)
				}
			}
		})
	}
}

// tlsAgent opens an agent on TLS with a certificate of the authority for its address and names.
func tlsAgent(t *testing.T, papers *papers, addr netip.AddrPort, names ...string) *agent {
	t.Helper()
	pair := papers.issue(unique("agent"), certs.IP(addr.Addr().String()), certs.DNS(names...))
	return openAgent(t, wire.Options{Proto: wire.TLS, Addr: addr, Server: papers.server(pair), Client: papers.client(pair)})
}

// withTLSCarrier makes the carrier of a plan one that is reached over TLS.
func withTLSCarrier(p plan, papers *papers) plan {
	p.Carrier = tlsAddr(p.Carrier.Addr())
	p.CarrierAddress = fmt.Sprintf("\"sip:%s;transport=tls\"", p.Carrier)
	p.CarrierOptions = "    tls: {" + papers.trust("ca") + "}\n"
	return p
}

// A new certificate is shown from the reload on; connections that stand keep standing, with their calls.
func TestTLS_Reload_NewCertificateAndOldConnectionsStay(t *testing.T) {
	t.Parallel()
	papers := newPapers(t)
	p := withTLSCarrier(newTLSPlan(t, papers, ""), papers)
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), tlsAgent(t, papers, p.Carrier)
	call := connect(t, b, pbx, carrier, audioSDP(p.PBX.Addr(), 7000), audioSDP(p.Carrier.Addr(), 7000))
	standing := carrier.Connected()
	before := serialOf(t, p, papers)
	papers.issue("border", certs.IP(p.Outside.String()))
	b.signal(syscall.SIGHUP)
	eventually(t, answerWithin, "the new certificate is shown", func() bool { return serialOf(t, p, papers) != before })
	if n := carrier.Connected(); n != standing || n == 0 {
		t.Errorf("%d connections after the reload, %d before", n, standing)
	}
	call.hangUp(t)
	b.settled()
}

// serialOf makes a handshake and tells whose certificate was shown.
func serialOf(t *testing.T, p plan, papers *papers) string {
	t.Helper()
	d := &tls.Dialer{NetDialer: &net.Dialer{Timeout: answerWithin, LocalAddr: &net.TCPAddr{IP: p.Carrier.Addr().AsSlice()}},
		Config: &tls.Config{RootCAs: papers.roots(), ServerName: p.Outside.String()}}
	conn, err := d.Dial("tcp", tlsAddr(p.Outside).String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// Two peers behind one address are told apart by what their certificates say (RFC 5922 §7.1).
func TestTLS_PeersBehindOneAddress_AreKnownByCertificate(t *testing.T) {
	t.Parallel()
	papers := newPapers(t)
	p := newTLSPlan(t, papers, ", "+papers.trust("client_ca"))
	shared := p.Carrier.Addr()
	first, second := tlsAgent(t, papers, netip.AddrPortFrom(shared, 5061), "one.example"), tlsAgent(t, papers, netip.AddrPortFrom(shared, 5062), "two.example")
	address := func(a *agent) string { return fmt.Sprintf("\"sip:%s;transport=tls\"", a.addr) }
	ca := "    tls: {" + papers.trust("ca") + "}\n"
	p.CarrierAddress, p.CarrierOptions = address(first), "    match: {certificate: one.example}\n"+ca+
		fmt.Sprintf("  other:\n    zone: outside\n    address: %s\n    source: [\"%s/32\"]\n    match: {certificate: two.example}\n%s", address(second), shared, ca)
	yaml := strings.Replace(p.yaml(), "routes:\n", "routes:\n  - {name: from-other, from: other, to: [pbx]}\n", 1)
	b := startWith(t, p, yaml)
	pbx := newAgent(t, p.PBX)
	for i, tt := range []struct {
		a    *agent
		want string
	}{{first, "carrier"}, {second, "other"}} {
		from := pbx.Seen()
		d := tt.a.dial(tlsAddr(p.Outside), audioSDP(shared, 7000))
		invite := pbx.request(from, "INVITE")
		pbx.send(invite.From, wire.Reply(invite, "486 Busy Here", unique("t"), nil, ""))
		if got := tt.a.final(d.branch); got.Code() != 486 {
			t.Errorf("%s got %q", tt.want, got.Start)
		}
		eventually(t, answerWithin, "a call record", func() bool { return len(b.cdrs()) == i+1 })
		if got := b.cdrs()[i]["from_peer"]; got != tt.want {
			t.Errorf("the call of %s is said to be from %v", tt.want, got)
		}
	}
	b.settled()
}

// A carrier that is to be reached over TLS and cannot be: the call fails, and not one byte goes out in the clear, whatever else the carrier's
// address has open.
func TestTLS_Down_NothingGoesOutInTheClear(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"sip", "sips"} {
		for _, mode := range []string{"closed", "no TLS", "wrong certificate"} {
			t.Run(scheme+" "+mode, func(t *testing.T) {
				t.Parallel()
				papers, foreign := newPapers(t), newPapers(t)
				p := newTLSPlan(t, papers, "")
				p.CarrierAddress = fmt.Sprintf("\"%s:%s;transport=tls\"", scheme, tlsAddr(p.Carrier.Addr()))
				p.CarrierOptions = "    tls: {" + papers.trust("ca") + "}\n"
				if scheme == "sips" {
					p.CarrierAddress = fmt.Sprintf("\"sips:%s\"", tlsAddr(p.Carrier.Addr()))
				}
				b := startBorder(t, p)
				ears := []*tap{tapUDP(t, p.Carrier), tapUDP(t, tlsAddr(p.Carrier.Addr())), tapTCP(t, p.Carrier)}
				switch mode {
				case "no TLS":
					ears = append(ears, tapTCP(t, tlsAddr(p.Carrier.Addr())))
				case "wrong certificate":
					tlsAgent(t, foreign, tlsAddr(p.Carrier.Addr()))
				}
				pbx := newAgent(t, p.PBX)
				d := pbx.dial(p.sip(p.Inside), audioSDP(p.PBX.Addr(), 7000))
				m, ok := pbx.First(0, 20*time.Second, func(m wire.Message) bool { return m.Code() >= 200 && m.Branch() == d.branch })
				if !ok || m.Code() < 400 {
					t.Errorf("the call got %q, want a refusal", m.Start)
				}
				for _, e := range ears {
					if n := e.clear.Load(); n != 0 {
						t.Errorf("%d bytes in the clear to %s", n, e.name)
					}
				}
				b.settled()
			})
		}
	}
}

// tap counts what arrives at an address in the clear: everything that is no record of a TLS handshake.
type tap struct {
	name  string
	clear atomic.Int64
}

// handshakeRecord starts every TLS connection (RFC 8446 §5.1).
const handshakeRecord = 22

func tapUDP(t *testing.T, a netip.AddrPort) *tap {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
	if err != nil {
		t.Fatal(err)
	}
	tap := &tap{name: "udp " + a.String()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1<<16)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			tap.clear.Add(int64(n))
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return tap
}

// tapTCP never answers: a client that waits for a handshake gets none, one that does not wait is heard.
func tapTCP(t *testing.T, a netip.AddrPort) *tap {
	t.Helper()
	l, err := net.Listen("tcp", a.String())
	if err != nil {
		t.Fatal(err)
	}
	tap := &tap{name: "tcp " + a.String()}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				buf := make([]byte, 1<<16)
				for first := true; ; first = false {
					n, err := conn.Read(buf)
					if err != nil {
						return
					}
					if first && buf[0] == handshakeRecord {
						return // hung up on, so that the client need not wait for its timeout
					}
					tap.clear.Add(int64(n))
				}
			}()
		}
	}()
	return tap
}

// A carrier behind a sips: address is called over TLS, with a target that says so, and the call is complete (RFC 3261 §26.2.2).
func TestTLS_SIPSAddress_CallCrosses(t *testing.T) {
	t.Parallel()
	papers := newPapers(t)
	p := withTLSCarrier(newTLSPlan(t, papers, ""), papers)
	p.CarrierAddress = fmt.Sprintf("\"sips:%s\"", p.Carrier)
	b := startBorder(t, p)
	pbx, carrier := newAgent(t, p.PBX), tlsAgent(t, papers, p.Carrier)
	carrier.secure = true
	call := connect(t, b, pbx, carrier, audioSDP(p.PBX.Addr(), 7000), audioSDP(p.Carrier.Addr(), 7000))
	invite := call.callee.invite
	if !strings.HasPrefix(invite.Start, "INVITE sips:") || !strings.HasPrefix(wire.URIOf(invite.Get("Contact")), "sips:") ||
		!strings.HasPrefix(invite.Get("Via"), "SIP/2.0/TLS ") {
		t.Errorf("target, Contact and Via of a sips call:\n%s", invite.Raw)
	}
	call.hangUp(t)
	b.settled()
}
