package strict

import (
	"slices"
	"strconv"
	"strings"
)

// Severity tells mistakes from advice.
type Severity uint8

// An Error makes the file unusable, a Warning does not.
const (
	Error Severity = iota
	Warning
)

// String returns "error" or "warning".
func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	}
	return "severity(" + strconv.Itoa(int(s)) + ")"
}

// Issue is one remark about the file.
type Issue struct {
	// File is the name given to Load.
	File string
	// Pos is where the remark applies.
	Pos Pos
	// Path is the place in the document, such as peers.pbx.source[0]; "" is the document itself.
	Path string
	// Message says what is wrong and what is wanted.
	Message string
	// Severity tells a mistake from advice.
	Severity Severity
}

// String writes FILE:LINE:COL: path: message.
func (i Issue) String() string {
	var b strings.Builder
	b.WriteString(i.File)
	b.WriteByte(':')
	b.WriteString(strconv.Itoa(i.Pos.Line))
	b.WriteByte(':')
	b.WriteString(strconv.Itoa(i.Pos.Col))
	b.WriteString(": ")
	if i.Path != "" {
		b.WriteString(i.Path)
		b.WriteString(": ")
	}
	b.WriteString(i.Message)
	return b.String()
}

// Errors is every mistake of one file, sorted by position. It is the error
// that Load returns.
type Errors []Issue

// Error writes one mistake a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for n, i := range e {
		lines[n] = i.String()
	}
	return strings.Join(lines, "\n")
}

// sortIssues orders by position, then by path, so that output is stable.
func sortIssues(list []Issue) {
	slices.SortStableFunc(list, func(a, b Issue) int {
		if c := a.Pos.Line - b.Pos.Line; c != 0 {
			return c
		}
		if c := a.Pos.Col - b.Pos.Col; c != 0 {
			return c
		}
		return strings.Compare(a.Path, b.Path)
	})
}
