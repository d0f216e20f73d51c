// Package token seals and opens the identifiers this node hands out: local tags, branches, Call-IDs, Contact users,
// registrations and nonces.
//
// A token is one AES-128 block written as 26 characters of base32. Opening it gives back where the thing it names
// lives (node, slot, number, part), so a message finds its shard without a map shared between threads. Without the
// key a token cannot be predicted, linked to another or read; text that this key did not seal opens with a
// probability of 2^-40.
//
// The package keeps no state beside the keys, refuses to guess (there is one form, not several) and has no clock:
// numbers are chosen by the caller. A Sealer is safe for use by any number of goroutines. Its callers are the socket
// readers, which route by token, and the call engine, which hands tokens out.
package token

import "strconv"

// Kind says what a token names. It has 4 bits, and a token of one kind never opens as another.
type Kind uint8

// The kinds of token.
const (
	Tag          Kind = iota + 1 // a From or To tag of ours: one leg
	Branch                       // a Via branch of ours, after the magic cookie: one client transaction
	CallID                       // a Call-ID we made
	Contact                      // the user part of our Contact
	Nonce                        // a digest challenge of ours
	Registration                 // a binding we keep for a phone
)

// String names the kind for logs.
func (k Kind) String() string {
	switch k {
	case Tag:
		return "tag"
	case Branch:
		return "branch"
	case CallID:
		return "call-id"
	case Contact:
		return "contact"
	case Nonce:
		return "nonce"
	case Registration:
		return "registration"
	default:
		return "kind(" + strconv.Itoa(int(k)) + ")"
	}
}

// Token is what an identifier says to those who hold the key.
type Token struct {
	Kind   Kind   // 4 bits
	Node   uint16 // 12 bits: the node that owns the thing named
	Slot   uint8  // virtual shard, mapped to a loop at start
	Number uint64 // 48 bits: unique per slot, starts at unix seconds x 65,536
	Part   uint16 // which of the things under that number: a leg, a transaction
}
