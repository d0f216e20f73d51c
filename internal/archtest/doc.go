// Package archtest holds the house rules that a compiler does not check, as tests over the source tree: which package may import which (the
// table of imports_test.go), how large a file, a function and a package may get, what tests may not do, that every exported name is
// documented, that every fuzz target has a corpus, that the YAML in the documentation loads, and that docs/rfc.md names tests that exist.
//
// It owns no code that others call and starts nothing. Each rule is a function from a tree of files to a list of complaints, and is itself
// tested on a small tree that breaks it, so that a rule cannot fall asleep.
package archtest
