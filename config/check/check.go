// Package check is the logic of "gatehouse check FILE": it loads a file and
// writes what is wrong with it, for people and for scripts. It decides
// nothing itself. It starts no goroutine; the command line calls it.
package check

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"gatehouse/config"
)

// The exit codes of Run.
const (
	exitGood = 0
	exitBad  = 1
)

// Run checks the file, writes one line for each mistake and each warning, in
// the order of the file, and returns the exit code: 0 when the file can be
// used, 1 when it cannot. A warning line starts with "warning: ".
func Run(path string, out io.Writer) (exit int) {
	c, warnings, err := config.LoadFile(path)
	var mistakes config.Errors
	if err != nil && !errors.As(err, &mistakes) {
		return finish(out, fmt.Sprintf("%v\n", err), exitBad)
	}
	var text strings.Builder
	for len(mistakes)+len(warnings) > 0 {
		if len(warnings) == 0 || len(mistakes) > 0 && !before(warnings[0].Pos, mistakes[0].Pos) {
			text.WriteString(mistakes[0].String() + "\n")
			mistakes = mistakes[1:]
			continue
		}
		text.WriteString("warning: " + warnings[0].String() + "\n")
		warnings = warnings[1:]
	}
	if err != nil {
		return finish(out, text.String(), exitBad)
	}
	fmt.Fprintf(&text, "%s: ok, %s, %s, %s\n", path, count(len(c.Zones), "zone"), count(len(c.Peers), "peer"), count(len(c.Routes), "route"))
	return finish(out, text.String(), exitGood)
}

// count writes 1 zone, 2 zones.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func before(a, b config.Pos) bool {
	return a.Line < b.Line || a.Line == b.Line && a.Col < b.Col
}

// finish writes the report; a report that cannot be written is no success.
func finish(out io.Writer, text string, exit int) int {
	if _, err := io.WriteString(out, text); err != nil {
		return exitBad
	}
	return exit
}
