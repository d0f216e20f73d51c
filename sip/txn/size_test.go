package txn

import (
	"testing"
	"unsafe"
)

// A held call keeps two transactions for 64*T1 after its setup, a busy node tens of thousands of them: growth of these
// is a decision, not an accident.
func TestTransactions_StaySmall(t *testing.T) {
	const most = 256 // bytes
	if c, s := unsafe.Sizeof(Client{}), unsafe.Sizeof(Server{}); c > most || s > most {
		t.Errorf("client %d bytes, server %d", c, s)
	} else {
		t.Logf("client %d bytes, server %d", c, s)
	}
}
