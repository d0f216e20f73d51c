package app

import (
	"testing"

	"gatehouse/config"
	"gatehouse/internal/admin"
)

func TestShareOut_AnyLimit_LeavesFilesForTheRest(t *testing.T) {
	for files := 256; files <= 1<<20; files += files/7 + 1 {
		for _, addresses := range []int{1, 2, 5, 40} {
			b := shareOut(files, addresses)
			taken := b.sockets + b.sip.MaxConns + b.sip.MaxDialed + b.api
			if rest := files - taken; rest < leastRest || b.sockets < files/2 {
				t.Errorf("%d files: %+v, rest %d", files, b, rest)
			}
			if b.sip.MaxStrangerConns >= b.sip.MaxConns || b.sip.MaxConnsPerSource >= b.sip.MaxStrangerConns || b.sip.MaxDialing >= b.sip.MaxDialed ||
				b.sip.MaxShakes >= b.sip.MaxConns || b.sip.MaxShakesPerSource > b.sip.MaxShakes {
				t.Errorf("%d files: %+v", files, b.sip)
			}
			if used := 2 * b.reserve * addresses; b.reserve < 1 || used > max(b.sockets/2, 2*addresses) {
				t.Errorf("%d files, %d addresses: a reserve of %d pairs takes %d of %d sockets", files, addresses, b.reserve, used, b.sockets)
			}
		}
	}
}

func TestShareOut_ManyFiles_EveryPartHasEnough(t *testing.T) {
	b := shareOut(1<<20, 2)
	if b.reserve != enoughReserve || b.api != enoughAPI || b.sip.MaxConns != enoughConns || b.sip.MaxStrangerConns != enoughStrangers ||
		b.sip.MaxDialing != enoughDialing || b.sip.MaxConnsPerSource != enoughPerSource || b.sip.MaxShakes != enoughShakes || b.sip.MaxShakesPerSource != enoughPerSource {
		t.Errorf("%+v", b)
	}
	if b := shareOut(0, 2); b != (budget{}) {
		t.Errorf("without a limit: %+v", b)
	}
	if b := shareOut(8, 3); b.reserve < 1 || b.api < 1 || b.sip.MaxConns < 1 {
		t.Errorf("with hardly any file: %+v", b)
	}
}

// What the check lets through must start.
func TestTokens_CheckAndAPI_WantTheSameLength(t *testing.T) {
	if config.MinTokenBytes != admin.MinTokenBytes {
		t.Errorf("the file may hold %d characters, the API wants %d", config.MinTokenBytes, admin.MinTokenBytes)
	}
}
