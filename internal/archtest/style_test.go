package archtest

import (
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// realTime are the packages whose tests use real sockets or processes, whatever else they do.
var realTime = []string{"scripts/interop", "sip/transport", "media/portable", "media/anchor", "internal/app", "internal/admin"}

// sleepRule: a test waits for the event (a channel, synctest.Wait), never for a time in which it has probably happened. In a testing/synctest
// bubble a sleep moves the bubble's clock and takes no time: where the tests of a package run in bubbles it may stand.
func sleepRule(tr *tree) []string {
	var out []string
	virtual := map[string]bool{}
	for _, s := range tr.code {
		virtual[s.pkg] = virtual[s.pkg] || s.test && s.usesBubbles() && !slices.Contains(realTime, s.pkg)
	}
	for _, s := range tr.code {
		if !s.test || virtual[s.pkg] {
			continue
		}
		ast.Inspect(s.file, func(node ast.Node) bool {
			if sel, ok := node.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
					out = append(out, fmt.Sprintf("%s: time.Sleep in a test", tr.fset.Position(sel.Pos())))
				}
			}
			return true
		})
	}
	return out
}

func (s source) usesBubbles() bool {
	return slices.ContainsFunc(s.file.Imports, func(spec *ast.ImportSpec) bool { return spec.Path.Value == `"testing/synctest"` })
}

// initRule: wiring is done by hand in internal/app, not by importing.
func initRule(tr *tree) []string {
	var out []string
	tr.functions(func(s source, f *ast.FuncDecl) {
		if f.Recv == nil && f.Name.Name == "init" {
			out = append(out, s.path+": init function")
		}
	})
	return out
}

// leftovers are words that must not be committed. They are put together here so that this file does not hold them.
var leftovers = map[string]*regexp.Regexp{
	"an open mark":           regexp.MustCompile(`\b(` + "TO" + `DO|` + "FIX" + `ME|` + "XX" + `X|` + "HA" + `CK)\b`),
	"a path of this machine": regexp.MustCompile(`(^|[\s"'` + "`" + `(=:])/(` + "wo" + `rk|` + "fa" + `rm|` + "ro" + `ot|ho` + `me)/`),
}

// textEndings are the files people write; everything else (corpora, test data) is data.
func isProse(name string) bool {
	if strings.Contains(name, "testdata/") || strings.HasSuffix(name, "go.sum") || name == "LICENSE" {
		return false
	}
	for _, ending := range []string{".go", ".md", ".yml", ".yaml", ".py", ".xml", ".cfg", ".sh", "Makefile", ".gitignore"} {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return strings.HasPrefix(name, "scripts/") || strings.HasPrefix(name, ".ci/")
}

func leftoverRule(tr *tree) []string {
	var out []string
	for name, text := range tr.text {
		if !isProse(name) {
			continue
		}
		for i, line := range strings.Split(text, "\n") {
			line = strings.ReplaceAll(line, "context."+"TO"+"DO", "")
			for what, pattern := range leftovers {
				if pattern.MatchString(line) {
					out = append(out, fmt.Sprintf("%s:%d: %s: %s", name, i+1, what, strings.TrimSpace(line)))
				}
			}
		}
	}
	return out
}

func TestStyle_Tests_DoNotSleep(t *testing.T) { holds(t, sleepRule) }

func TestStyle_Packages_HaveNoInit(t *testing.T) { holds(t, initRule) }

func TestStyle_Tree_HoldsNoLeftovers(t *testing.T) { holds(t, leftoverRule) }

func TestStyle_Broken_IsReported(t *testing.T) {
	bites(t, sleepRule, "time.Sleep", map[string]string{"a/a_test.go": "package a\n\nimport \"time\"\n\nfunc f() { time.Sleep(1) }\n"})
	passes(t, sleepRule, map[string]string{"a/a_test.go": "package a\n\nimport (\n\"testing/synctest\"\n\"time\"\n)\n\nfunc f() { time.Sleep(1); synctest.Wait() }\n"})
	bites(t, initRule, "init", map[string]string{"a/a.go": "package a\n\nfunc init() {}\n"})
	bites(t, leftoverRule, "open mark", map[string]string{"a/a.go": "package a\n\n// " + "TO" + "DO: finish\n"})
	bites(t, leftoverRule, "path of this machine", map[string]string{"docs/a.md": "see /" + "wo" + "rk/here\n"})
}
