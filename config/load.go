package config

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gatehouse/config/files"
	"gatehouse/config/strict"
)

// Load checks the bytes of one file. name appears in messages and becomes
// Config.Path. The issues are the warnings, whether or not there are mistakes;
// the error is Errors with every mistake, and then there is no Config.
// Relative paths stay as they are and no other file is read: Admin.Token is only
// set when it comes from the environment, and certificates and keys are empty.
func Load(name string, data []byte) (*Config, []Issue, error) {
	d := newDecoder(name)
	return d.load(data)
}

// LoadFile reads and checks one file, and the certificates, keys and tokens it
// points to. Relative paths in it count from its directory. An error that is not
// Errors means that the file could not be read.
func LoadFile(path string) (*Config, []Issue, error) {
	data, _, err := files.Read(path, strict.MaxFileBytes+1)
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	d := newDecoder(path)
	d.files = files.In(d.Decoder, filepath.Dir(path), time.Now)
	return d.load(data)
}

// newDecoder makes a decoder that touches no file.
func newDecoder(name string) *decoder {
	d := strict.NewDecoder(name, Reference())
	return &decoder{Decoder: d, file: name, env: os.LookupEnv, files: files.Unread(d)}
}
