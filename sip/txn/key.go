package txn

import (
	"hash/maphash"
	"net/netip"
	"strconv"

	"gatehouse/sip/grammar"
	"gatehouse/sip/msg"
)

const (
	magicCookie  = "z9hG4bK" // in any case; RFC 3261 §8.1.1.7
	defaultPort  = 5060      // a sent-by without a port means the same as with it
	keySeparator = '|'       // in no token, host or number
	oldKeyPrefix = "2543|"
	decimal      = 10
)

// serverKey writes what a request is matched by into the table's scratch: branch, sent-by and method (RFC 3261
// §17.2.3). asInvite puts INVITE for the method: an ACK and a CANCEL are looked up as the INVITE they belong to.
//
// A branch without the cookie, or with nothing behind it, names nothing: then the fields that RFC 2543 clients were
// told apart by are used, and the source address.
func (t *Table) serverKey(m *msg.Message, src netip.AddrPort, asInvite bool) []byte {
	via := m.TopVia()
	k := t.key[:0]
	if len(via.Branch) > len(magicCookie) && grammar.EqualFold(via.Branch[:len(magicCookie)], magicCookie) {
		k = appendLower(k, via.Branch[len(magicCookie):])
		k = append(k, keySeparator)
		k = appendLower(k, via.Host)
		k = append(k, keySeparator)
		port := via.Port
		if port == 0 {
			port = defaultPort
		}
		k = strconv.AppendUint(k, uint64(port), decimal)
	} else {
		k = appendOldKey(k, m, via, src)
	}
	k = append(k, keySeparator)
	if asInvite {
		k = append(k, msg.INVITE.String()...)
	} else {
		k = append(k, m.MethodName()...)
	}
	t.key = k
	return k
}

// appendOldKey writes the fields of RFC 3261 §17.2.3 for requests of RFC 2543 clients. Differs from it in leaving out the To
// tag: an ACK has it and its INVITE does not, and nothing else separates two requests that agree in all the others.
func appendOldKey(k []byte, m *msg.Message, via msg.Via, src netip.AddrPort) []byte {
	k = append(k, oldKeyPrefix...)
	for _, field := range [...][]byte{m.RequestURI(), m.FromTag(), m.CallID(), via.Raw} {
		k = append(k, field...)
		k = append(k, keySeparator)
	}
	k = strconv.AppendUint(k, uint64(m.CSeq()), decimal)
	k = append(k, keySeparator)
	return src.Addr().Unmap().AppendTo(k)
}

// mergeHash is what the copies of one request have in common, whichever way they came (RFC 3261 §8.2.2.2): From tag,
// Call-ID and CSeq. It is 0 for requests the rule does not apply to: those in a dialog, and ACK and CANCEL, which
// belong to one hop.
func (t *Table) mergeHash(m *msg.Message) uint64 {
	if len(m.ToTag()) > 0 || m.Method() == msg.ACK || m.Method() == msg.CANCEL {
		return 0
	}
	k := t.key[:0]
	for _, field := range [...][]byte{m.FromTag(), m.CallID(), m.MethodName()} {
		k = append(k, field...)
		k = append(k, keySeparator)
	}
	k = strconv.AppendUint(k, uint64(m.CSeq()), decimal)
	t.key = k
	return max(maphash.Bytes(t.seed, k), 1)
}

func appendLower(dst, src []byte) []byte {
	for _, c := range src {
		dst = append(dst, grammar.Lower(c))
	}
	return dst
}
