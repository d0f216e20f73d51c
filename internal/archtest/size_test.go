package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// The hard stops; what we aim for is smaller (CONTRIBUTING.md).
const (
	maxFileLines     = 500
	maxFunctionLines = 80
	maxPackageLines  = 2500 // without tests
)

func lines(text string) int { return strings.Count(text, "\n") }

func fileSizeRule(tr *tree) []string {
	var out []string
	for _, s := range tr.code {
		if n := lines(tr.text[s.path]); n > maxFileLines && !ast.IsGenerated(s.file) {
			out = append(out, fmt.Sprintf("%s: %d lines, at most %d: split it by concept", s.path, n, maxFileLines))
		}
	}
	return out
}

func packageSizeRule(tr *tree) []string {
	sum := map[string]int{}
	for _, s := range tr.code {
		if !s.test && !ast.IsGenerated(s.file) {
			sum[s.pkg] += lines(tr.text[s.path])
		}
	}
	var out []string
	for pkg, n := range sum {
		if n > maxPackageLines {
			out = append(out, fmt.Sprintf("package %s: %d lines without tests, at most %d", pkg, n, maxPackageLines))
		}
	}
	return out
}

func functionSizeRule(tr *tree) []string {
	var out []string
	tr.functions(func(s source, f *ast.FuncDecl) {
		if n := tr.bodyLines(f); n > maxFunctionLines && !ast.IsGenerated(s.file) {
			out = append(out, fmt.Sprintf("%s: function %s has %d lines, at most %d", s.path, f.Name.Name, n, maxFunctionLines))
		}
	})
	return out
}

// bodyLines counts a function's lines without those of tables: a composite literal, or a raw string, is data however long it is.
func (tr *tree) bodyLines(f *ast.FuncDecl) int {
	if f.Body == nil {
		return 0
	}
	line := func(p token.Pos) int { return tr.fset.Position(p).Line }
	n := line(f.End()) - line(f.Pos()) + 1
	ast.Inspect(f.Body, func(node ast.Node) bool {
		switch x := node.(type) {
		case *ast.FuncLit:
			return true
		case *ast.CompositeLit:
			// A table whose rows hold functions is code.
			if holdsFunction(x) {
				return true
			}
			n -= line(x.End()) - line(x.Pos())
			return false
		case *ast.BasicLit:
			n -= line(x.End()) - line(x.Pos())
			return false
		default:
			return true
		}
	})
	return n
}

func holdsFunction(lit *ast.CompositeLit) bool {
	found := false
	ast.Inspect(lit, func(node ast.Node) bool {
		if _, ok := node.(*ast.FuncLit); ok {
			found = true
		}
		return !found
	})
	return found
}

func TestSize_OurTree_StaysReadable(t *testing.T) {
	t.Run("files", func(t *testing.T) { holds(t, fileSizeRule) })
	t.Run("functions", func(t *testing.T) { holds(t, functionSizeRule) })
	t.Run("packages", func(t *testing.T) { holds(t, packageSizeRule) })
}

func TestSize_TooLarge_IsReported(t *testing.T) {
	long := "package a\n\nfunc f() {\n" + strings.Repeat("\tprintln()\n", maxFunctionLines) + "}\n"
	bites(t, functionSizeRule, "function f", map[string]string{"a/a.go": long})
	bites(t, fileSizeRule, "split it", map[string]string{"a/a.go": "package a\n" + strings.Repeat("\n", maxFileLines)})
	bites(t, packageSizeRule, "package a", map[string]string{"a/a.go": "package a\n" + strings.Repeat("\n", maxPackageLines)})
	table := "package a\n\nfunc f() []int {\n\treturn []int{\n" + strings.Repeat("\t\t1,\n", maxFunctionLines) + "\t}\n}\n"
	passes(t, functionSizeRule, map[string]string{"a/a.go": table})
}
