package archtest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// threatTable is the list of threats with the tests that hold against them.
const threatTable = "docs/threats.md"

// threatRows are the rows it has at least: a threat is not forgotten by deleting its row.
var threatRows = []string{"1", "2", "3", "4", "5", "6", "7", "8", "10", "11", "12", "14", "19", "44", "46", "Flood of requests", "Amplification", "Half-open calls",
	"Slow and idle connections", "Flood of TLS handshakes", "WebSocket", "Scanners", "Spoofing", "Downgrade"}

var (
	threatID   = regexp.MustCompile(`^\| ([A-Z][A-Za-z -]+|\d+) \|`)
	securityID = regexp.MustCompile(`^TestSecurity(\d+)_`)
)

// threatRule: a row names at least one test, every test it names exists, and every test that is named after a row of the table is in it.
func threatRule(tr *tree) []string {
	text, ok := tr.text[threatTable]
	if !ok {
		return []string{threatTable + " is missing"}
	}
	tests := tr.testNames()
	rows := map[string]string{}
	out := missingTests(tests, threatTable, text)
	for i, line := range strings.Split(text, "\n") {
		if m := threatID.FindStringSubmatch(line); m != nil {
			rows[m[1]] += line
			if !testName.MatchString(line) {
				out = append(out, fmt.Sprintf("%s:%d: %s names no test", threatTable, i+1, m[1]))
			}
		}
	}
	for _, id := range threatRows {
		if rows[id] == "" {
			out = append(out, fmt.Sprintf("%s: no row %s", threatTable, id))
		}
	}
	for name := range tests {
		if m := securityID.FindStringSubmatch(name); m != nil {
			id := strings.TrimLeft(m[1], "0")
			if slices.Contains(threatRows, id) && !strings.Contains(rows[id], "`"+name+"`") {
				out = append(out, fmt.Sprintf("%s: row %s does not list %s", threatTable, id, name))
			}
		}
	}
	return out
}

func TestThreats_Table_NamesTestsThatExist(t *testing.T) { holds(t, threatRule) }

func TestThreats_WrongRow_IsReported(t *testing.T) {
	const test = "package a\n\nimport \"testing\"\n\nfunc TestSecurity04_Frame_IsBounded(t *testing.T) {}\n"
	whole := ""
	for _, id := range threatRows {
		whole += "| " + id + " | x | `TestSecurity04_Frame_IsBounded` |\n"
	}
	bites(t, threatRule, "is missing", map[string]string{"a/a.go": "package a\n"})
	bites(t, threatRule, "no such test", map[string]string{threatTable: "| 4 | x | `TestGone` |\n"})
	bites(t, threatRule, "names no test", map[string]string{threatTable: "| 4 | x | y |\n"})
	bites(t, threatRule, "no row Spoofing", map[string]string{threatTable: strings.Replace(whole, "| Spoofing |", "| |", 1), "a/a_test.go": test})
	bites(t, threatRule, "row 4 does not list", map[string]string{threatTable: strings.Replace(whole, "| 4 | x | `TestSecurity04_Frame_IsBounded` |", "| 4 | x | `TestX` |", 1),
		"a/a_test.go": test + "func TestX(t *testing.T) {}\n"})
	passes(t, threatRule, map[string]string{threatTable: whole, "a/a_test.go": test})
}
