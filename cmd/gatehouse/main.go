// Command gatehouse is a session border controller: it stands between a PBX
// and its SIP trunks, and every call crosses it as two independent dialogs
// with the media relayed between.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
)

// version is set at link time for releases.
var version = "0.1.0-dev"

func main() {
	root := &cobra.Command{
		Use:           "gatehouse",
		Short:         "A session border controller for SIP trunks",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(runCommand(), checkCommand(), demoCommand(), bansCommand(), versionCommand())
	if err := root.Execute(); err != nil {
		var exit exitCode
		if asExit(err, &exit) {
			os.Exit(int(exit))
		}
		complain(os.Stderr, err)
		os.Exit(1)
	}
}

// complainTime bounds the last words: stderr may be a pipe that nobody reads,
// and that is no reason to stay.
const complainTime = time.Second

func complain(w io.Writer, err error) {
	done := make(chan struct{})
	go func() {
		fmt.Fprintln(w, "gatehouse:", err)
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(complainTime):
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version, commit and Go release",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "gatehouse %s commit %s %s\n", version, commit(), goVersion())
		},
	}
}

// commit is the source revision the binary was built from, where the build
// recorded one.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return "unknown"
}
