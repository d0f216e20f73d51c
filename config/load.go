package config

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"gatehouse/config/strict"
)

// Load checks the bytes of one file. name appears in messages and becomes
// Config.Path. The issues are the warnings, whether or not there are mistakes;
// the error is Errors with every mistake, and then there is no Config.
// Relative paths stay as they are and no other file is read, so Admin.Token is
// only set when it comes from the environment.
func Load(name string, data []byte) (*Config, []Issue, error) {
	d := newDecoder(name)
	return d.load(data)
}

// LoadFile reads and checks one file and the secrets it points to. Relative
// paths in it count from its directory. An error that is not Errors means that
// the file could not be read.
func LoadFile(path string) (*Config, []Issue, error) {
	data, err := readLimited(path, strict.MaxFileBytes+1)
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	d := newDecoder(path)
	dir := filepath.Dir(path)
	d.resolve = func(p string) string {
		if filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(dir, p)
	}
	d.readSecret = readSecret
	return d.load(data)
}

// newDecoder makes a decoder that touches no file.
func newDecoder(name string) *decoder {
	return &decoder{Decoder: strict.NewDecoder(name, Reference()), file: name, env: os.LookupEnv, resolve: func(p string) string { return p }}
}

// readSecret reads a file that holds a secret, and its mode.
func readSecret(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	data, err := readLimited(path, strict.MaxTextBytes+1)
	return data, info.Mode(), err
}

// readLimited reads at most so many bytes, whatever kind of file it is.
func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return data, err
}
