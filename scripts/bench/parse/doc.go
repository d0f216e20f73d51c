// Package parse measures how emiago/sipgo reads and rewrites the message that the benchmarks of sip/msg read and rewrite,
// and checks that both end with the same one. It is a module of its own, so that nothing of ours depends on sipgo.
// `scripts/bench/run parse` sets the times side by side; docs/performance.md says what they were.
package parse
