package b2bua_test

import (
	"testing"

	"gatehouse/internal/testlab/ladder"
)

func TestCalls_GoldenLadders(t *testing.T) { ladder.RunAll(t, "testdata/calls/*.txt", border) }
