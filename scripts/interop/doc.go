// Package interop tests the real binary from outside, as its users see it: SIPp, baresip, openssl and SIP.js (browser/) as peers, messages of our
// own on the wire over every transport, signals, bad files, floods. It builds cmd/gatehouse once and starts one process per test on loopback
// addresses of its own, so tests run side by side.
//
// The tests carry the build tag interop, because they need peers that scripts/setup installs; `make test` runs them. The soaks and floods of
// `make check` carry soak besides. The package owns no code that others call. What it sends and receives goes through internal/testlab/wire, so
// that a mistake of our parser is not judged by our parser.
package interop
