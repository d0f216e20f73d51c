package archtest

import (
	"flag"
	"fmt"
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rfcTable is the list of behaviours with the tests that hold them.
const rfcTable = "docs/rfc.md"

var (
	rowID    = regexp.MustCompile(`^\| (B\d{3}) `)
	testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")
	fileName = regexp.MustCompile("`([a-z0-9_/.-]+/[a-z0-9_.-]+\\.(?:go|md|yaml|xml|tsv))`")
	testID   = regexp.MustCompile(`^Test(B\d{3})[A-Z_]`)
)

// missingTests lists the tests that a table names and nobody has written.
func missingTests(tests map[string]bool, table, text string) []string {
	var out []string
	for i, line := range strings.Split(text, "\n") {
		for _, m := range testName.FindAllStringSubmatch(line, -1) {
			if !tests[m[1]] {
				out = append(out, fmt.Sprintf("%s:%d: no such test: %s", table, i+1, m[1]))
			}
		}
	}
	return out
}

// rfcRule: a row names at least one test, every test and file it names exists, and every test that is named after a behaviour is in its row.
func rfcRule(tr *tree) []string {
	text, ok := tr.text[rfcTable]
	if !ok {
		return []string{rfcTable + " is missing"}
	}
	tests := tr.testNames()
	rows := map[string]string{}
	out := missingTests(tests, rfcTable, text)
	for i, line := range strings.Split(text, "\n") {
		for _, m := range fileName.FindAllStringSubmatch(line, -1) {
			if _, ok := tr.text[m[1]]; !ok {
				out = append(out, fmt.Sprintf("%s:%d: no such file: %s", rfcTable, i+1, m[1]))
			}
		}
		if m := rowID.FindStringSubmatch(line); m != nil {
			rows[m[1]] += line
			if !testName.MatchString(line) {
				out = append(out, fmt.Sprintf("%s:%d: %s names no test", rfcTable, i+1, m[1]))
			}
		}
	}
	for name := range tests {
		if m := testID.FindStringSubmatch(name); m != nil && !strings.Contains(rows[m[1]], "`"+name+"`") {
			out = append(out, fmt.Sprintf("%s: row %s does not list %s", rfcTable, m[1], name))
		}
	}
	return out
}

func (tr *tree) testNames() map[string]bool {
	out := map[string]bool{}
	tr.functions(func(s source, f *ast.FuncDecl) {
		if isTest(s, f) {
			out[f.Name.Name] = true
		}
	})
	return out
}

func isTest(s source, f *ast.FuncDecl) bool {
	return s.test && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz"))
}

var update = flag.Bool("update", false, "write the last column of "+rfcTable+" anew")

// filled is the table with each row's tests as the tree has them: those named after the behaviour, and those that were listed beside them.
func (tr *tree) filled() string {
	lines := strings.Split(tr.text[rfcTable], "\n")
	for i, line := range lines {
		id := rowID.FindStringSubmatch(line)
		if id == nil {
			continue
		}
		byFile := map[string][]string{}
		tr.functions(func(s source, f *ast.FuncDecl) {
			name := f.Name.Name
			if isTest(s, f) && (strings.HasPrefix(name, "Test"+id[1]) || strings.Contains(line, "`"+name+"`")) {
				byFile[s.path] = append(byFile[s.path], "`"+name+"`")
			}
		})
		cells := make([]string, 0, len(byFile))
		for _, file := range slices.Sorted(maps.Keys(byFile)) {
			slices.Sort(byFile[file])
			cells = append(cells, "`"+file+"` "+strings.Join(byFile[file], " "))
		}
		head := strings.Join(strings.Split(line, "|")[:4], "|")
		lines[i] = head + "| " + strings.Join(cells, "<br>") + " |"
	}
	return strings.Join(lines, "\n")
}

func TestRFC_Table_NamesTestsThatExist(t *testing.T) {
	if *update {
		if err := os.WriteFile(filepath.Join("..", "..", rfcTable), []byte(ourTree(t).filled()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	holds(t, rfcRule)
}

func TestRFC_WrongRow_IsReported(t *testing.T) {
	const test = "package a\n\nimport \"testing\"\n\nfunc TestB001Trying_Invite_Is100(t *testing.T) {}\n"
	bites(t, rfcRule, "is missing", map[string]string{"a/a.go": "package a\n"})
	bites(t, rfcRule, "no such test", map[string]string{rfcTable: "| B001 | x | `TestB001Gone` |\n"})
	bites(t, rfcRule, "no such file", map[string]string{rfcTable: "| B001 | `a/gone.go` | x |\n"})
	bites(t, rfcRule, "names no test", map[string]string{rfcTable: "| B001 | x | y |\n"})
	bites(t, rfcRule, "does not list", map[string]string{rfcTable: "nothing\n", "a/a_test.go": test})
	passes(t, rfcRule, map[string]string{rfcTable: "| B001 | x | `a/a_test.go` | `TestB001Trying_Invite_Is100` |\n", "a/a_test.go": test})
}
