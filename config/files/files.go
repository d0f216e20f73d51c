// Package files takes what a configuration keeps outside of itself:
// certificates, keys and tokens.
//
// It owns how their sections and keys are decoded, how a file is read, and what
// an operator should hear before a handshake fails: a file that is missing,
// open to everybody or no PEM, a key that does not fit, a date that is over. No
// message repeats what a secret holds. It refuses to decide whom to trust: that
// is sip/secure, which gets the same bytes. A Files belongs to one decoder and
// one goroutine; its caller is the package config.
package files

import (
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gatehouse/config/strict"
)

const (
	// maxFileBytes is the largest file of any kind; the roots of a whole system take 220 KB.
	maxFileBytes = 1 << 20
	// worldReadable is the mode bits that let every user of the machine in.
	worldReadable = 0o007
)

// Files takes the paths in one configuration. It reads each file once, however
// many peers name it: a file of all the roots of a system takes a while.
type Files struct {
	d      *strict.Decoder
	dir    string           // relative paths count from here
	now    func() time.Time // nil: paths are taken as they are and nothing is read
	loaded map[string]*loaded
}

// loaded is a file that was read.
type loaded struct {
	data  []byte
	mode  fs.FileMode
	err   error
	chain func() ([]*x509.Certificate, error) // parses it, once
}

// Unread takes paths as they are and reads no file.
func Unread(d *strict.Decoder) *Files { return &Files{d: d} }

// In reads files; relative paths count from dir. It judges dates by now.
func In(d *strict.Decoder, dir string, now func() time.Time) *Files {
	return &Files{d: d, dir: dir, now: now, loaded: make(map[string]*loaded)}
}

// Resolve makes a path of the configuration usable.
func (f *Files) Resolve(path string) string {
	if f.now == nil || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(f.dir, path)
}

// Load takes the path in v and reads the file, at most limit bytes; what names
// it in messages. data is nil when the file was not read, which is reported
// unless files are not read at all. A secret that everybody may read is worth a
// warning.
func (f *Files) Load(v strict.Value, what string, limit int64, secret bool) (path string, data []byte) {
	path, ok := f.d.Text(v)
	if !ok {
		return "", nil
	}
	path = f.Resolve(path)
	if f.now == nil {
		return path, nil
	}
	l := f.load(path)
	if l.err != nil {
		f.d.Fail(v.Place, "the %s cannot be read: %v", what, l.err)
		return path, nil
	}
	if secret && l.mode.Perm()&worldReadable != 0 {
		f.d.Warn(v.Place, "the file is open to every user of this machine (mode %04o)", l.mode.Perm())
	}
	if int64(len(l.data)) > limit {
		f.d.Fail(v.Place, "the %s is longer than %d bytes", what, limit)
		return path, nil
	}
	return path, l.data
}

// load reads a file, or remembers it.
func (f *Files) load(path string) *loaded {
	l := f.loaded[path]
	if l == nil {
		l = &loaded{}
		l.data, l.mode, l.err = Read(path, maxFileBytes+1)
		l.chain = sync.OnceValues(func() ([]*x509.Certificate, error) { return parseChain(l.data) })
		f.loaded[path] = l
	}
	return l
}

// Read reads at most so many bytes, whatever kind of file it is, and its mode.
// The bytes are not nil when there is no error.
func Read(path string, limit int64) ([]byte, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	data, err := io.ReadAll(io.LimitReader(f, limit))
	return data, info.Mode(), errors.Join(err, f.Close())
}
