package check

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testlab/certs"
)

// securedFile names every file a tls section can; the numbers below are its lines and columns.
const securedFile = `zones:
  a:
    listen: [tls://10.0.0.1:5061]
    media: {address: 10.0.0.1, ports: 16384-32767}
    tls:
      certificate: zone.pem
      key_file: zone.key
      client_ca: clients.pem
peers:
  x:
    zone: a
    address: sips:10.0.0.2
    tls:
      ca: ca.pem
      certificate: peer.pem
      key_file: peer.key
  y: {zone: a, address: sips:10.0.0.3}
routes:
  - {from: x, to: y}
`

const fine = "g.yaml: ok, 1 zone, 2 peers, 1 route\n"

// folder is a directory of PEM files by their names.
type folder map[string][]byte

// soundFolder has every file as it should be. Every file gets at least one line that is no PEM, as openssl writes them.
func soundFolder(t *testing.T) (folder, *certs.CA) {
	t.Helper()
	ca := certs.NewCA(t)
	f := folder{"ca.pem": append([]byte("issuer=test\n"), ca.PEM...), "clients.pem": ca.PEM}
	f["zone.pem"], f["zone.key"] = ca.Leaf(t, certs.DNS("sbc.example"))
	f["zone.pem"] = append(append([]byte("subject=sbc\n"), f["zone.pem"]...), ca.PEM...)
	f["peer.pem"], f["peer.key"] = ca.Leaf(t, certs.DNS("client.example"))
	return f, ca
}

// runIn writes the files beside securedFile and checks it; keys are for their owner only.
func runIn(t *testing.T, f folder) (out string, exit int) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "g.yaml")
	if err := os.WriteFile(path, []byte(securedFile), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, data := range f {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	exit = Run(path, &b)
	return strings.ReplaceAll(b.String(), dir+"/", ""), exit
}

// until makes a leaf that counts between two moments.
func until(from, to string) certs.Option {
	return func(c *x509.Certificate) {
		c.NotBefore, _ = time.Parse(time.DateTime, from)
		c.NotAfter, _ = time.Parse(time.DateTime, to)
	}
}

func block(kind string, data []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})
}

func TestRun_SoundFiles_AreFine(t *testing.T) {
	f, _ := soundFolder(t)
	if out, exit := runIn(t, f); exit != 0 || out != fine {
		t.Errorf("exit %d with\n%s", exit, out)
	}
}

func TestRun_BrokenFiles_AreReportedWhereTheyAreNamed(t *testing.T) {
	sound, ca := soundFolder(t)
	other, otherKey := ca.Leaf(t)
	secret := strings.Join(strings.Split(string(sound["zone.key"]), "\n")[1:2], "")
	for _, c := range []struct {
		name, file string
		data       []byte
		want       string
	}{
		{"no PEM", "zone.pem", []byte("hello"), "g.yaml:6:20: zones.a.tls.certificate: the file holds no PEM text"},
		{"empty", "zone.pem", nil, "g.yaml:6:20: zones.a.tls.certificate: the file holds no PEM text"},
		{"a key for a certificate", "zone.pem", sound["zone.key"], "g.yaml:6:20: zones.a.tls.certificate: the file holds no certificate"},
		{"broken certificate", "zone.pem", block("CERTIFICATE", []byte{1, 2, 3}), "g.yaml:6:20: zones.a.tls.certificate: certificate 1 of the file is broken: x509: malformed certificate"},
		{"broken chain", "zone.pem", append(append([]byte{}, sound["zone.pem"]...), block("CERTIFICATE", nil)...), "g.yaml:6:20: zones.a.tls.certificate: certificate 3 of the file is broken: x509: malformed certificate"},
		{"cut off", "zone.pem", sound["zone.pem"][:200], "g.yaml:6:20: zones.a.tls.certificate: the file holds no PEM text"},
		{"too long", "zone.pem", bytes.Repeat([]byte("x"), 1<<20+1), "g.yaml:6:20: zones.a.tls.certificate: the certificate is longer than 1048576 bytes"},
		{"no key", "zone.key", []byte("hello"), "g.yaml:7:17: zones.a.tls.key_file: the file holds no PEM text"},
		{"a certificate for a key", "zone.key", sound["zone.pem"], "g.yaml:7:17: zones.a.tls.key_file: the file holds no private key"},
		{"another key", "zone.key", otherKey, "g.yaml:7:17: zones.a.tls.key_file: the key does not fit the certificate: tls: private key does not match public key"},
		{"another certificate", "zone.pem", other, "g.yaml:7:17: zones.a.tls.key_file: the key does not fit the certificate: tls: private key does not match public key"},
		{"encrypted", "zone.key", block("ENCRYPTED PRIVATE KEY", []byte{1}), "g.yaml:7:17: zones.a.tls.key_file: the key is encrypted: there is nobody here to ask for its password"},
		{"encrypted as of old", "zone.key", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte{1}}),
			"g.yaml:7:17: zones.a.tls.key_file: the key is encrypted: there is nobody here to ask for its password"},
		{"broken key", "zone.key", block("PRIVATE KEY", []byte(secret)), "g.yaml:7:17: zones.a.tls.key_file: the key does not fit the certificate: tls: failed to parse private key"},
		{"CA without certificates", "clients.pem", sound["zone.key"], "g.yaml:8:18: zones.a.tls.client_ca: the file holds no certificate"},
		{"CA that is none", "ca.pem", []byte("-----BEGIN CERTIFICATE-----\n"), "g.yaml:14:11: peers.x.tls.ca: the file holds no PEM text"},
		{"key of a peer", "peer.key", sound["zone.key"], "g.yaml:16:17: peers.x.tls.key_file: the key does not fit the certificate: tls: private key does not match public key"},
	} {
		f := folder{}
		for name, data := range sound {
			f[name] = data
		}
		f[c.file] = c.data
		out, exit := runIn(t, f)
		if exit != 1 || strings.TrimSuffix(out, "\n") != c.want {
			t.Errorf("%s: exit %d with\n%swant\n%s", c.name, exit, out, c.want)
		}
		if strings.Contains(out, secret) {
			t.Errorf("%s: the key is printed", c.name)
		}
	}
}

func TestRun_FilesThatCannotBeRead_AreAllReported(t *testing.T) {
	out, exit := runIn(t, folder{"peer.pem": nil})
	want := `g.yaml:6:20: zones.a.tls.certificate: the certificate cannot be read: open zone.pem: no such file or directory
g.yaml:7:17: zones.a.tls.key_file: the key cannot be read: open zone.key: no such file or directory
g.yaml:8:18: zones.a.tls.client_ca: the CA cannot be read: open clients.pem: no such file or directory
g.yaml:14:11: peers.x.tls.ca: the CA cannot be read: open ca.pem: no such file or directory
g.yaml:15:20: peers.x.tls.certificate: the file holds no PEM text
g.yaml:16:17: peers.x.tls.key_file: the key cannot be read: open peer.key: no such file or directory
`
	if exit != 1 || out != want {
		t.Errorf("exit %d with\n%s", exit, out)
	}
}

func TestRun_Dates_AreAdvice(t *testing.T) {
	f, ca := soundFolder(t)
	past, future := until("2020-01-02 03:04:05", "2021-02-03 04:05:06"), until("2100-01-02 03:04:05", "2101-01-01 00:00:00")
	f["zone.pem"], f["zone.key"] = ca.Leaf(t, past)
	f["peer.pem"], f["peer.key"] = ca.Leaf(t, future)
	old, _ := ca.Leaf(t, past)
	coming, _ := ca.Leaf(t, future)
	f["ca.pem"] = old
	f["clients.pem"] = append(append([]byte{}, old...), coming...)
	out, exit := runIn(t, f)
	want := `warning: g.yaml:6:20: zones.a.tls.certificate: the certificate expired on 2021-02-03 04:05 UTC
warning: g.yaml:8:18: zones.a.tls.client_ca: no certificate of the file is valid now, the last one is not valid before 2100-01-02 03:04 UTC
warning: g.yaml:14:11: peers.x.tls.ca: the certificate expired on 2021-02-03 04:05 UTC
warning: g.yaml:15:20: peers.x.tls.certificate: the certificate is not valid before 2100-01-02 03:04 UTC
` + fine
	if exit != 0 || out != want {
		t.Errorf("exit %d with\n%s", exit, out)
	}
}

func TestRun_OldCertificateBesideAGoodOne_CountsInAChainOnly(t *testing.T) {
	f, ca := soundFolder(t)
	old, _ := ca.Leaf(t, until("2020-01-02 03:04:05", "2021-02-03 04:05:06"))
	f["clients.pem"] = append(append([]byte{}, old...), ca.PEM...)
	f["zone.pem"] = append(append([]byte{}, f["zone.pem"]...), old...)
	out, exit := runIn(t, f)
	want := "warning: g.yaml:6:20: zones.a.tls.certificate: certificate 3 of the chain expired on 2021-02-03 04:05 UTC\n" + fine
	if exit != 0 || out != want {
		t.Errorf("exit %d with\n%s", exit, out)
	}
}

func TestRun_OlderKeyForms_AreTaken(t *testing.T) {
	f, _ := soundFolder(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	old, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	f["zone.pem"] = block("CERTIFICATE", der)
	f["zone.key"] = append(block("EC PARAMETERS", []byte{6, 8}), block("EC PRIVATE KEY", old)...)
	if out, exit := runIn(t, f); exit != 0 || out != fine {
		t.Errorf("exit %d with\n%s", exit, out)
	}
	both := append(append([]byte{}, f["zone.key"]...), f["zone.pem"]...)
	f["zone.pem"], f["zone.key"] = both, both
	if out, exit := runIn(t, f); exit != 0 || out != fine {
		t.Errorf("one file for both: exit %d with\n%s", exit, out)
	}
}

func TestRun_KeyOpenToEverybody_IsAdvice(t *testing.T) {
	f, _ := soundFolder(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "g.yaml")
	if err := os.WriteFile(path, []byte(securedFile), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, data := range f {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	exit := Run(path, &b)
	want := `warning: g.yaml:7:17: zones.a.tls.key_file: the file is open to every user of this machine (mode 0644)
warning: g.yaml:16:17: peers.x.tls.key_file: the file is open to every user of this machine (mode 0644)
` + fine
	if out := strings.ReplaceAll(b.String(), dir+"/", ""); exit != 0 || out != want {
		t.Errorf("exit %d with\n%s", exit, out)
	}
}
