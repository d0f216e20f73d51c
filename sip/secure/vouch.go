package secure

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"slices"
)

// Authority signs certificates of clients as well, but not with the names of others.
type Authority struct {
	CA     []byte   // PEM
	Others []string // SIP domain identities, lower case, that a certificate of its must not hold
}

var errOthersName = errors.New("client certificate with a name that its authority must not vouch for")

// vouchers holds what authorities must not vouch for, by their certificates. A connection that is resumed is checked
// again, by the chains of the first one.
type vouchers map[string][]string

// add enters an authority. One that is there twice may do what it may do as either.
func (v vouchers) add(a Authority) {
	for block, rest := pem.Decode(a.CA); block != nil; block, rest = pem.Decode(rest) {
		others := slices.Clone(a.Others)
		if before, ok := v[string(block.Bytes)]; ok {
			others = slices.DeleteFunc(others, func(n string) bool { return !slices.Contains(before, n) })
		}
		v[string(block.Bytes)] = others
	}
}

// check refuses a client that no authority may vouch for.
func (v vouchers) check(s tls.ConnectionState) error {
	for _, chain := range s.VerifiedChains {
		others := v[string(chain[len(chain)-1].Raw)]
		if !slices.ContainsFunc(Identities(chain[0]), func(n string) bool { return slices.Contains(others, n) }) {
			return nil
		}
	}
	if len(s.VerifiedChains) > 0 {
		return errOthersName
	}
	return nil // it showed nothing
}
