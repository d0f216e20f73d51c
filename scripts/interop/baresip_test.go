//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// phone is one baresip: it plays a melody into the call and records what it hears.
type phone struct {
	t    *testing.T
	dir  string
	sip  netip.AddrPort
	user string
	cmd  *exec.Cmd
	out  *tail
	ctrl net.Conn
	sent []int16
}

const phoneConfig = `sip_listen %[1]s
net_interface %[2]s
module_path %[3]s
audio_source aufile,%[4]s/sent.wav
audio_player aubridge,nobody
audio_alert aubridge,nobody
ring_aufile none
rtp_ports %[6]d-%[7]d
snd_path %[4]s
ctrl_tcp_listen %[5]s
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
module ctrl_tcp.so
`

// startPhone starts a baresip on a loopback address (IPv4 or ::1) with a port of its own. Its media comes from the machine's first address of
// that family, whatever it says, so the address is that one.
//
// extra are lines for its configuration.
func startPhone(t *testing.T, user string, addr netip.Addr, seed uint64, extra ...string) *phone {
	t.Helper()
	p := &phone{t: t, dir: t.TempDir(), user: user, out: newTail(), sent: melody(30, seed)}
	// It takes the port behind its SIP port for TLS, configured or not.
	first := freePorts(t, addr)
	p.sip = netip.AddrPortFrom(addr, first)
	ctrl := netip.AddrPortFrom(addr, first+2)
	low := 40000 + 200*(int(first/portBlock)%80)
	writeWAV(t, filepath.Join(p.dir, "sent.wav"), p.sent)
	writeFile(t, filepath.Join(p.dir, "config"), fmt.Sprintf(phoneConfig, p.sip, addr, baresipModules(t), p.dir, ctrl, low, low+198)+
		strings.Join(extra, "\n")+"\n")
	account := fmt.Sprintf("<sip:%s@%s>;regint=0;answermode=auto;audio_codecs=PCMU,PCMA", user, p.sip)
	writeFile(t, filepath.Join(p.dir, "accounts"), account+"\n")
	writeFile(t, filepath.Join(p.dir, "contacts"), "")
	family := "-4"
	if addr.Is6() {
		family = "-6"
	}
	p.cmd = exec.Command("baresip", family, "-f", p.dir, "-v", "-s")
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("baresip (scripts/setup test installs it): %v", err)
	}
	t.Cleanup(p.stop)
	eventually(t, 10*time.Second, "baresip listens:\n"+p.dir, func() bool {
		conn, err := net.Dial("tcp", ctrl.String())
		if err == nil {
			p.ctrl = conn
		}
		return err == nil
	})
	return p
}

// tls is where the phone listens for TLS when it has a certificate.
func (p *phone) tls() netip.AddrPort { return netip.AddrPortFrom(p.sip.Addr(), p.sip.Port()+1) }

// stop lets baresip end by itself, so that it closes its recordings.
func (p *phone) stop() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Signal(os.Interrupt)
	timer := time.AfterFunc(5*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	_ = p.cmd.Wait()
	if p.ctrl != nil {
		_ = p.ctrl.Close()
	}
	if p.t.Failed() {
		p.t.Logf("%s says:\n%s", p.user, p.out)
	}
}

// command gives one command over the control connection, framed as a netstring.
func (p *phone) command(name, params string) {
	p.t.Helper()
	raw, err := json.Marshal(map[string]string{"command": name, "params": params})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.ctrl, "%d:%s,", len(raw), raw); err != nil {
		p.t.Fatal(err)
	}
}

// hears wants the phone to have recorded at least that much of another's melody.
func (p *phone) hears(other *phone, seconds float64) {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "dump-*-dec.wav"))
	if err != nil || len(files) != 1 {
		p.t.Fatalf("%s: recordings %v, %v", p.user, files, err)
	}
	recorded := readWAV(p.t, files[0])
	got, report := heard(recorded, other.sent)
	p.t.Logf("%s heard %.1f s of %s in %.1f s", p.user, got, other.user, float64(len(recorded))/sampleHz)
	if got < seconds {
		p.t.Errorf("%s heard %.1f s of %s, want %.1f; likeness of each half second:%s", p.user, got, other.user, seconds, report)
	}
}

func (p *phone) says(within time.Duration, word string) {
	p.t.Helper()
	eventually(p.t, within, p.user+" says "+word, func() bool { return p.out.has(word) })
}

// baresipModules finds the folder of its modules, which moves between Debian releases.
func baresipModules(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/baresip/modules", "/usr/lib/*/baresip/modules", "/usr/local/lib/baresip/modules"} {
		found, err := filepath.Glob(filepath.Join(pattern, "aufile.so"))
		if err == nil && len(found) != 0 {
			return filepath.Dir(found[0])
		}
	}
	t.Fatal("no modules of baresip: run scripts/setup test")
	return ""
}

// Ports below those the kernel gives away by itself (32768 and up) and above those of the admin listeners.
const (
	firstPort = 30000
	portBlock = 4
	blocks    = (32768 - firstPort) / portBlock
)

// nextBlock starts anywhere, so that two runs at once seldom meet.
var nextBlock = sync.OnceValue(func() *atomic.Uint32 {
	n := new(atomic.Uint32)
	n.Store(rand.Uint32N(blocks))
	return n
})

// freePorts is the first of four ports in a row of an address that nothing has bound, over TCP and UDP.
func freePorts(t *testing.T, addr netip.Addr) uint16 {
	t.Helper()
	for range blocks {
		first := uint16(firstPort + portBlock*(nextBlock().Add(1)%blocks))
		if blockIsFree(addr, first) {
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

func blockIsFree(addr netip.Addr, first uint16) bool {
	for port := first; port < first+portBlock; port++ {
		l, err := net.Listen("tcp", netip.AddrPortFrom(addr, port).String())
		if err != nil {
			return false
		}
		_ = l.Close()
		c, err := net.ListenPacket("udp", netip.AddrPortFrom(addr, port).String())
		if err != nil {
			return false
		}
		_ = c.Close()
	}
	return true
}
