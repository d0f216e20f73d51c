package files

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"gatehouse/config/reference"
	"gatehouse/config/strict"
	"gatehouse/config/value"
)

// ServerTLS is what the TLS and WSS listeners of a zone show and ask for. The
// bytes and the key are what the files hold; they are empty when files are not
// read, and may be shared with other sections, so nobody changes them.
type ServerTLS struct {
	// CertificateFile and KeyFile are our certificate with its chain and its key, ClientCAFile those who sign clients; "" asks clients for nothing.
	CertificateFile, KeyFile, ClientCAFile string
	// Certificate is PEM.
	Certificate []byte
	// Key is PEM.
	Key value.Secret
	// ClientCA is PEM.
	ClientCA []byte
	// RequireClient refuses clients without a certificate that ClientCA signed; without it one is asked for and checked when it comes.
	RequireClient bool
	// MinVersion is tls.VersionTLS12 or tls.VersionTLS13.
	MinVersion uint16
}

// ClientTLS is how the connections we open to a peer are secured. The bytes
// and the key are what the files hold; they are empty when files are not read,
// and may be shared with other sections, so nobody changes them.
type ClientTLS struct {
	// CAFile holds those who may sign the peer; "" takes the system's roots.
	CAFile string
	// CertificateFile and KeyFile are what we show the peer; "" shows the zone's.
	CertificateFile, KeyFile string
	// CA is PEM.
	CA []byte
	// Certificate is PEM.
	Certificate []byte
	// Key is PEM.
	Key value.Secret
	// ServerName is the name asked for and checked in place of the host of the address; "" takes that.
	ServerName string
	// MinVersion is tls.VersionTLS12 or tls.VersionTLS13.
	MinVersion uint16
}

// The words of client_auth and min_version.
const (
	authRequire, authRequest = "require", "request"
	version12, version13     = "1.2", "1.3"
)

// DecodeServer takes the tls section of a zone.
func (f *Files) DecodeServer(v strict.Value) *ServerTLS {
	t := &ServerTLS{RequireClient: true, MinVersion: tls.VersionTLS12}
	var certificate, key, ca pemFile
	var auth strict.Place
	mapping := f.d.Section(v, reference.ZoneTLS, map[string]func(strict.Value){
		"certificate": func(v strict.Value) { f.open(v, &certificate, "certificate") },
		"key_file":    func(v strict.Value) { f.open(v, &key, "key") },
		"client_ca":   func(v strict.Value) { f.open(v, &ca, "CA") },
		"client_auth": func(v strict.Value) {
			auth = v.Place
			s, _ := f.d.Choice(v, []string{authRequire, authRequest}, nil)
			t.RequireClient = s != authRequest
		},
		"min_version": func(v strict.Value) { f.version(v, &t.MinVersion) },
	})
	if mapping {
		f.d.Need(v.Place, certificate.given(), "certificate")
		f.d.Need(v.Place, key.given(), "key_file")
	}
	if auth.Path != "" && !ca.given() {
		f.d.Fail(auth, "there is no client_ca to check certificates with")
	}
	f.check(certificate, key, ca)
	t.RequireClient = t.RequireClient && ca.given()
	t.CertificateFile, t.Certificate = certificate.path, certificate.data
	t.KeyFile, t.Key = key.path, value.NewSecret(string(key.data))
	t.ClientCAFile, t.ClientCA = ca.path, ca.data
	return t
}

// DecodeClient takes the tls section of a peer.
func (f *Files) DecodeClient(v strict.Value) *ClientTLS {
	t := &ClientTLS{MinVersion: tls.VersionTLS12}
	var certificate, key, ca pemFile
	f.d.Section(v, reference.PeerTLS, map[string]func(strict.Value){
		"ca":          func(v strict.Value) { f.open(v, &ca, "CA") },
		"certificate": func(v strict.Value) { f.open(v, &certificate, "certificate") },
		"key_file":    func(v strict.Value) { f.open(v, &key, "key") },
		"server_name": func(v strict.Value) { t.ServerName = value.DecodeHost(f.d, v) },
		"min_version": func(v strict.Value) { f.version(v, &t.MinVersion) },
	})
	if certificate.given() || key.given() {
		f.d.Need(v.Place, certificate.given(), "certificate")
		f.d.Need(v.Place, key.given(), "key_file")
	}
	f.check(certificate, key, ca)
	t.CertificateFile, t.Certificate = certificate.path, certificate.data
	t.KeyFile, t.Key = key.path, value.NewSecret(string(key.data))
	t.CAFile, t.CA = ca.path, ca.data
	return t
}

func (f *Files) version(v strict.Value, into *uint16) {
	if s, ok := f.d.Choice(v, []string{version12, version13}, nil); ok && s == version13 {
		*into = tls.VersionTLS13
	}
}

// pemFile is a key of the section that names a file, and what the file holds.
type pemFile struct {
	strict.Place
	path string
	data []byte // nil: not read, or not readable, which is reported
}

// given reports whether the key was there, though perhaps wrong.
func (p pemFile) given() bool { return p.Path != "" }

// open takes the path of a file and reads it.
func (f *Files) open(v strict.Value, p *pemFile, what string) {
	p.Place = v.Place
	p.path, p.data = f.Load(v, what, maxFileBytes, what == "key")
}

// check looks into the files that were read.
func (f *Files) check(certificate, key, ca pemFile) {
	sound := f.checkList(certificate, chainAdvice)
	f.checkList(ca, authorityAdvice)
	if key.data == nil {
		return
	}
	err := checkKey(key.data)
	if err == nil && sound {
		err = checkPair(certificate.data, key.data)
	}
	if err != nil {
		f.d.Fail(key.Place, "%v", err)
	}
}

// checkList looks at the certificates of a file; it reports whether there are
// any.
func (f *Files) checkList(p pemFile, advice func([]*x509.Certificate, time.Time) string) bool {
	if p.data == nil {
		return false
	}
	list, err := f.load(p.path).chain()
	if err != nil {
		f.d.Fail(p.Place, "%v", err)
		return false
	}
	if text := advice(list, f.now()); text != "" {
		f.d.Warn(p.Place, "%s", text)
	}
	return true
}
