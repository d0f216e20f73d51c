// Package value holds the values a configuration is made of: addresses,
// transports, listeners, targets, port ranges, patterns, origins and code
// points, each with the function that takes it from one text of the file.
//
// Every such function gives the value in one normal form, or an error that
// says what is wanted and repeats at most a bounded, escaped part of the text.
// The package refuses to know keys, sections and defaults of the file: that is
// the package config, its only caller, which hands these types on under its
// own name. There is no I/O, no name is resolved, and nothing here changes
// after it was made, so every function may be called from any goroutine.
package value
