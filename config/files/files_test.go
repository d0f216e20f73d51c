package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/config/reference"
	"gatehouse/config/strict"
	"gatehouse/internal/testlab/certs"
)

// decodeServer takes one tls section of a zone with these Files, and gives what was said.
func decodeServer(t *testing.T, text string, open func(*strict.Decoder) *Files) (got *ServerTLS, said string) {
	t.Helper()
	d := strict.NewDecoder("f", reference.Sections())
	v, ok := d.Document([]byte(text))
	if !ok {
		t.Fatal(d.Err())
	}
	got = open(d).DecodeServer(v)
	if err := d.Err(); err != nil {
		said = err.Error()
	}
	for _, w := range d.Warnings() {
		said += "warning: " + w.String()
	}
	return got, said
}

const section = "certificate: c.pem\nkey_file: /etc/keys/c.key\nclient_ca: sub/ca.pem\n"

func TestDecodeServer_Unread_KeepsPathsAndTouchesNothing(t *testing.T) {
	got, said := decodeServer(t, section, Unread)
	if said != "" || got.CertificateFile != "c.pem" || got.KeyFile != "/etc/keys/c.key" || got.ClientCAFile != "sub/ca.pem" ||
		got.Certificate != nil || got.ClientCA != nil || !got.Key.IsZero() || !got.RequireClient {
		t.Errorf("got %+v, %s", got, said)
	}
}

func TestDecodeServer_Read_HoldsWhatTheFilesHold(t *testing.T) {
	ca := certs.NewCA(t)
	cert, key := ca.Leaf(t, certs.DNS("sbc.example"))
	dir := t.TempDir()
	for name, data := range map[string][]byte{"c.pem": cert, "c.key": key, "ca.pem": ca.PEM} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := "certificate: c.pem\nkey_file: " + filepath.Join(dir, "c.key") + "\nclient_ca: ./ca.pem\nclient_auth: request\n"
	got, said := decodeServer(t, text, func(d *strict.Decoder) *Files { return In(d, dir, time.Now) })
	if said != "" || string(got.Certificate) != string(cert) || got.Key.Reveal() != string(key) || string(got.ClientCA) != string(ca.PEM) ||
		got.CertificateFile != filepath.Join(dir, "c.pem") || got.KeyFile != filepath.Join(dir, "c.key") || got.RequireClient {
		t.Errorf("got %+v, %s", got, said)
	}
}

func TestDecodeServer_ClientAuth_NeedsSomebodyToAsk(t *testing.T) {
	for text, want := range map[string]bool{
		"certificate: c\nkey_file: k\n":                                           false,
		"certificate: c\nkey_file: k\nclient_ca: a\n":                             true,
		"certificate: c\nkey_file: k\nclient_ca: a\nclient_auth: require\n":       true,
		"certificate: c\nkey_file: k\nclient_auth: request\nclient_ca: a\n":       false,
		"certificate: c\nkey_file: k\nclient_ca: a\nmin_version: \"1.3\"\n":       true,
		"min_version: \"1.2\"\nclient_ca: a\nkey_file: k\ncertificate: \"a b\"\n": true,
	} {
		got, said := decodeServer(t, text, Unread)
		if said != "" || got.RequireClient != want {
			t.Errorf("%q gives %v, %s", text, got.RequireClient, said)
		}
		if wantVersion := uint16(0x0303); strings.Contains(text, "1.3") != (got.MinVersion == wantVersion+1) || got.MinVersion < wantVersion {
			t.Errorf("%q gives version %x", text, got.MinVersion)
		}
	}
	if _, said := decodeServer(t, "certificate: c\nkey_file: k\nclient_auth: request\n", Unread); said != "f:3:14: client_auth: there is no client_ca to check certificates with" {
		t.Errorf("got %s", said)
	}
}

func TestFiles_OneFile_IsReadOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := In(strict.NewDecoder("f", nil), "", time.Now)
	before := f.load(path)
	if err := os.WriteFile(path, []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	if after := f.load(path); after != before || string(after.data) != "first" {
		t.Errorf("got %q", after.data)
	}
	if other := In(strict.NewDecoder("f", nil), "", time.Now).load(path); string(other.data) != "second" {
		t.Errorf("the next configuration gets %q", other.data)
	}
}

func TestRead_Limit_CutsAnEndlessFile(t *testing.T) {
	data, _, err := Read("/dev/zero", 100)
	if os.IsNotExist(err) {
		t.Skip("no /dev/zero")
	}
	if err != nil || len(data) != 100 {
		t.Errorf("got %d bytes, %v", len(data), err)
	}
	if data, _, err := Read(t.TempDir(), 100); err == nil {
		t.Errorf("a directory gives %d bytes", len(data))
	}
}

// FuzzCertificates holds that no text panics, that advice can be given on what is taken, and that nothing of a key is
// repeated.
func FuzzCertificates(f *testing.F) {
	ca := certs.NewCA(f)
	cert, key := ca.Leaf(f)
	f.Add(cert, key)
	f.Add(ca.PEM, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), []byte("hello"))
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		list, err := parseChain(cert)
		if err == nil {
			if len(list) == 0 {
				t.Error("no certificate and no error")
			}
			_, _ = chainAdvice(list, time.Now()), authorityAdvice(list, time.Now())
		}
		if checkKey(key) == nil && err == nil {
			if err := checkPair(cert, key); err != nil && len(key) > 100 && strings.Contains(err.Error(), string(key[50:])) {
				t.Errorf("the key is in %v", err)
			}
		}
	})
}
