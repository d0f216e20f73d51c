// Package config turns one YAML file into a checked Config.
//
// It owns the shape of the file: keys, types, defaults, the mistakes and
// advice reported with their positions, and what a reload may change. Load
// reports every mistake of a file at once; the Config it returns is complete
// and consistent, so that nobody after it has to check names, ranges or
// overlaps again.
//
// Below it are its parts: config/strict reads the YAML, config/value has the
// values, config/reference describes the keys, config/files takes certificates,
// keys and tokens, config/diff compares two configurations.
//
// It refuses to know anything of the rest of the program: it imports the
// standard library and the YAML parser only. Load touches nothing but its
// arguments and the environment variables a secret names; LoadFile reads the
// file and those it points to, and the clock for the dates of certificates.
// There is no logger or socket, and no state between calls, so every function
// may be called from any goroutine. internal/app loads files, config/check
// reports on them, policy/engine compiles the result.
package config

//go:generate go run ./docgen -o ../docs/configuration.md
