// Package interop tests the real binary from outside, as its users see it: SIPp and baresip as peers, messages of our own on the wire, signals,
// bad files. It builds cmd/gatehouse once and starts one process per test on loopback addresses of its own, so tests run side by side.
//
// The tests carry the build tag interop, because they need peers that scripts/setup installs; `make test` runs them. The soaks and floods of
// `make check` carry soak besides. The package owns no code that others call. It parses what it receives by itself (wire_test.go), so that a
// mistake of our parser is not judged by our parser.
package interop
