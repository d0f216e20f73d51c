package ladder

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"gatehouse/internal/testlab/memnet"
	"gatehouse/sip/transport"
)

// Setup starts the system under test on a network. It registers what stops
// the system with t.Cleanup; that runs before the bubble is left.
type Setup func(t *testing.T, n transport.Net, s *Script)

// Run plays a file in a bubble of virtual time over an in-memory network.
func Run(t *testing.T, file string, setup Setup) {
	t.Helper()
	s, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		setup(t, n.Host(), s)
		s.Play(t, n.Host(), synctest.Wait)
	})
}

// RunAll plays every file a pattern names, each as a subtest.
func RunAll(t *testing.T, pattern string, setup Setup) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("ladder files %q: found %d, %v", pattern, len(files), err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), filepath.Ext(f)), func(t *testing.T) { Run(t, f, setup) })
	}
}
