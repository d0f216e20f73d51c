package app

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/fnv"

	"gatehouse/sip/token"
)

// nodeBits is the width of the node number inside a token.
const nodeBits = 12

// nodeID derives the node number from its name. Nodes of one cluster have
// different names; a number may collide without harm while each has its key.
func nodeID(name string) uint16 {
	h := fnv.New32a()
	h.Write([]byte(name))
	s := h.Sum32()
	return uint16((s ^ s>>nodeBits) & (1<<nodeBits - 1))
}

// newSealer makes the token cipher with a key of this boot: calls live in
// memory, so no identifier has to outlive the process.
func newSealer() (*token.Sealer, error) {
	var key [16]byte
	if _, err := rand.Read(key[:]); err != nil {
		return nil, fmt.Errorf("make token key: %w", err)
	}
	return token.NewSealer(key)
}

// newSecret makes the key of the tags in stateless refusals.
func newSecret() (key [32]byte, err error) {
	if _, err := rand.Read(key[:]); err != nil {
		return key, fmt.Errorf("make secret: %w", err)
	}
	return key, nil
}

// newUUID makes a random version 4 UUID as Session-ID writes it, without
// hyphens (RFC 7989 §4.1).
func newUUID() string {
	var b [16]byte
	// crypto/rand.Read never fails since Go 1.24: it ends the process instead.
	_, _ = rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return hex.EncodeToString(b[:])
}
