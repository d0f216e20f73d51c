package app

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"gatehouse/config"
	"gatehouse/internal/demo"
	"gatehouse/internal/demo/papers"
)

// errNoAudio says that the demo call did not carry audio both ways.
var errNoAudio = errors.New("audio did not arrive both ways")

// demoAddress is where everything of the demo listens.
var demoAddress = netip.AddrFrom4([4]byte{127, 0, 0, 1}) //nolint:gochecknoglobals // netip has no constants

const (
	// recordWait is how long the demo waits for its call record.
	recordWait  = 3 * time.Second
	recordCheck = 20 * time.Millisecond
	// betweenDemos is the pause between two calls of a demo that goes on.
	betweenDemos = 2 * time.Second
)

// Demo runs a gateway between two scripted endpoints on loopback, places calls
// through it and prints what happened: ladder, record, figures. With once it
// stops after one call, else it goes on until ctx is done, which is then no
// error wherever it ends a call. An error means that a call did not work, audio
// both ways included.
func Demo(ctx context.Context, out io.Writer, once bool) error {
	dir, err := os.MkdirTemp("", "gatehouse-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover in the temporary folder harms nobody
	plan, err := demo.Choose(demoAddress)
	if err != nil {
		return err
	}
	shown, err := papers.New(demoAddress)
	if err == nil {
		err = shown.Save(dir)
	}
	if err != nil {
		return fmt.Errorf("make certificates for the demo: %w", err)
	}
	plan.Papers = dir
	records, file := filepath.Join(dir, "cdr.jsonl"), filepath.Join(dir, "demo.yaml")
	if err := os.WriteFile(file, []byte(demo.Config(plan, records, "error")), 0o600); err != nil {
		return fmt.Errorf("write the configuration of the demo: %w", err)
	}
	load := func() (*config.Config, []config.Issue, error) { return config.LoadFile(file) }
	a, err := New(Options{Load: load, Log: os.Stderr, Version: "demo", DrainTime: closeTime})
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		err = demoCall(ctx, plan, shown, records, n, out)
		if err != nil || once || !pause(ctx, betweenDemos) {
			break
		}
	}
	if !once && ctx.Err() != nil {
		err = nil
	}
	end, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	return errors.Join(err, a.Close(end))
}

func demoCall(ctx context.Context, plan demo.Plan, shown *papers.Papers, records string, n int, out io.Writer) error {
	result, err := demo.Run(ctx, demo.Options{
		Inside: plan.Inside, Outside: plan.Outside, PBX: plan.PBX, Trunk: plan.Trunk, Papers: shown, Out: out,
		CDR: func(ctx context.Context) ([]byte, error) { return nthRecord(ctx, records, n) },
	})
	if err != nil {
		return err
	}
	if !result.AudioBothWays() {
		return errNoAudio
	}
	return nil
}

// pause waits for d and tells whether ctx is still live.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// nthRecord waits for the nth line of the record file.
func nthRecord(ctx context.Context, path string, n int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, recordWait)
	defer cancel()
	for {
		if data, err := os.ReadFile(path); err == nil {
			lines := bufio.NewScanner(bytes.NewReader(data))
			lines.Buffer(nil, len(data)+1)
			for i := 0; lines.Scan(); {
				if i++; i == n {
					return bytes.Clone(lines.Bytes()), nil
				}
			}
		}
		if !pause(ctx, recordCheck) {
			return nil, fmt.Errorf("the call left no record in %s: %w", path, ctx.Err())
		}
	}
}
