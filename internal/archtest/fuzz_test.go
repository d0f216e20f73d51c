package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"strings"
	"testing"
)

// parsers are the packages that read what strangers send: each has at least one fuzz target, once it has code.
var parsers = []string{"sip/uri", "sip/grammar", "sip/mime", "sip/msg", "sip/token", "sip/transport", "media/sdp", "media/rtp", "config"}

// fuzzRule: a parser has a fuzz target, and a fuzz target starts from something: committed files, or seeds in its code.
func fuzzRule(tr *tree) []string {
	var out []string
	code, target := map[string]bool{}, map[string]bool{}
	for _, s := range tr.code {
		code[s.pkg] = code[s.pkg] || !s.test
	}
	tr.functions(func(s source, f *ast.FuncDecl) {
		if !s.test || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") {
			return
		}
		target[s.pkg] = true
		if !seeded(f) && !tr.hasFiles(path.Join(s.pkg, "testdata/fuzz", f.Name.Name)+"/") {
			out = append(out, fmt.Sprintf("%s: %s has no seed: call f.Add, or commit testdata/fuzz/%s", s.path, f.Name.Name, f.Name.Name))
		}
	})
	for _, pkg := range parsers {
		if code[pkg] && !target[pkg] {
			out = append(out, fmt.Sprintf("package %s is a parser without a fuzz target", pkg))
		}
	}
	return out
}

// seeded tells whether a fuzz target adds seeds: by its own f.Add, or by giving f to a function that does.
func seeded(f *ast.FuncDecl) bool {
	if len(f.Type.Params.List) == 0 || len(f.Type.Params.List[0].Names) == 0 {
		return false
	}
	param := f.Type.Params.List[0].Names[0].Name
	isParam := func(e ast.Expr) bool {
		id, ok := e.(*ast.Ident)
		return ok && id.Name == param
	}
	found := false
	ast.Inspect(f.Body, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok && isParam(sel.X) && sel.Sel.Name == "Add" {
			found = true
		}
		for _, arg := range call.Args {
			found = found || isParam(arg)
		}
		return true
	})
	return found
}

func (tr *tree) hasFiles(folder string) bool {
	for name := range tr.text {
		if strings.HasPrefix(name, folder) {
			return true
		}
	}
	return false
}

func TestFuzz_EveryParser_HasASeededTarget(t *testing.T) { holds(t, fuzzRule) }

func TestFuzz_Missing_IsReported(t *testing.T) {
	bites(t, fuzzRule, "without a fuzz target", map[string]string{"sip/msg/a.go": "package msg\n"})
	bites(t, fuzzRule, "has no seed", map[string]string{"a/a_test.go": "package a\n\nimport \"testing\"\n\nfunc FuzzX(f *testing.F) {}\n"})
	passes(t, fuzzRule, map[string]string{"a/a_test.go": "package a\n\nimport \"testing\"\n\nfunc FuzzX(f *testing.F) {}\n", "a/testdata/fuzz/FuzzX/one": "x"})
}
