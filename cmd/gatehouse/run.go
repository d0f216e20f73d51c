package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/config"
	"gatehouse/config/check"
	"gatehouse/internal/app"
)

// exitCode is an error that only carries the exit status: what was wrong has
// been printed.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func asExit(err error, e *exitCode) bool { return errors.As(err, e) }

func goVersion() string { return runtime.Version() }

// defaultDrain is how long SIGTERM lets calls go on.
const defaultDrain = 5 * time.Minute

func runCommand() *cobra.Command {
	var path string
	var drain time.Duration
	cmd := &cobra.Command{
		Use:   "run -c FILE",
		Short: "Run the gateway",
		Long:  "Run the gateway. SIGHUP reloads FILE, SIGTERM and SIGINT drain and stop; a second one stops at once.",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return run(path, drain) },
	}
	cmd.Flags().StringVarP(&path, "config", "c", "", "configuration file")
	cmd.Flags().DurationVar(&drain, "drain", defaultDrain, "how long a stop lets calls go on")
	if err := cmd.MarkFlagRequired("config"); err != nil {
		panic(err) // the flag was defined two lines up
	}
	return cmd
}

func run(path string, drain time.Duration) error {
	if drain < 0 {
		return fmt.Errorf("--drain %v: want no less than 0", drain)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	reload, now := make(chan struct{}, 1), make(chan struct{}, 1)
	signals := make(chan os.Signal, 4)
	defer signal.Stop(signals)
	// Who reads our log may end: lines are lost then, not calls.
	signal.Ignore(syscall.SIGPIPE)
	// A reload asked for during the start must not end the process, it waits.
	signal.Notify(signals, syscall.SIGHUP)
	load := func() (*config.Config, []config.Issue, error) { return config.LoadFile(path) }
	a, err := app.New(app.Options{Load: load, Log: os.Stderr, Version: version, Commit: commit(), DrainTime: drain})
	if err != nil {
		return err
	}
	// Until here a stop ends the process as it is: there was nothing to drain.
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go dispatch(signals, stop, reload, now)
	return a.Run(ctx, reload, now)
}

// dispatch turns signals into what the gateway understands, to the end of the
// process.
func dispatch(signals <-chan os.Signal, stop func(), reload, now chan<- struct{}) {
	stopping := false
	for s := range signals {
		switch {
		case s == syscall.SIGHUP:
			offer(reload)
		case stopping:
			offer(now)
		default:
			stopping = true
			stop()
		}
	}
}

// offer puts a value where one is not waiting already.
func offer(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Check a configuration file and report every mistake in it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if code := check.Run(args[0], cmd.OutOrStdout()); code != 0 {
				return exitCode(code)
			}
			return nil
		},
	}
}

func demoCommand() *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a call between two scripted endpoints through a gateway, all in one process",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			return app.Demo(ctx, cmd.OutOrStdout(), once)
		},
	}
	cmd.Flags().BoolVar(&once, "once", true, "stop after one call; --once=false goes on until interrupted")
	return cmd
}
