package archtest

import (
	"fmt"
	"go/ast"
	"strings"
	"testing"
)

// docRule: every exported name says what it is, and every package says what it owns.
func docRule(tr *tree) []string {
	var out []string
	documented := map[string]bool{}
	seen := map[string]string{}
	for _, s := range tr.code {
		if s.test {
			continue
		}
		seen[s.pkg] = s.path
		documented[s.pkg] = documented[s.pkg] || s.file.Doc != nil
		if s.file.Name.Name == "main" {
			continue
		}
		for _, decl := range s.file.Decls {
			for _, name := range undocumented(decl) {
				out = append(out, fmt.Sprintf("%s: %s has no comment", tr.fset.Position(decl.Pos()), name))
			}
		}
	}
	for pkg, first := range seen {
		if !documented[pkg] {
			out = append(out, fmt.Sprintf("%s: package %s has no comment", first, pkg))
		}
	}
	return out
}

func undocumented(decl ast.Decl) []string {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
			return []string{d.Name.Name}
		}
		return nil
	case *ast.GenDecl:
		var out []string
		for _, spec := range d.Specs {
			out = append(out, undocumentedSpec(d, spec)...)
		}
		return out
	default:
		return nil
	}
}

// undocumentedSpec judges one type, constant or variable; the comment of a group speaks for its constants and variables.
func undocumentedSpec(group *ast.GenDecl, spec ast.Spec) []string {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && s.Doc == nil && group.Doc == nil {
			return []string{s.Name.Name}
		}
		return nil
	case *ast.ValueSpec:
		if group.Doc != nil || s.Doc != nil || s.Comment != nil {
			return nil
		}
		var out []string
		for _, name := range s.Names {
			if name.IsExported() {
				out = append(out, name.Name)
			}
		}
		return out
	default:
		return nil
	}
}

// exportedReceiver tells whether a function can be seen from outside: no receiver, or one of an exported type.
func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	typ := f.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

func TestComments_ExportedNames_AreDocumented(t *testing.T) { holds(t, docRule) }

func TestComments_Missing_IsReported(t *testing.T) {
	const head = "// Package a is one.\npackage a\n\n"
	bites(t, docRule, "package a has no comment", map[string]string{"a/a.go": "package a\n"})
	bites(t, docRule, "F has no comment", map[string]string{"a/a.go": head + "func F() {}\n"})
	bites(t, docRule, "M has no comment", map[string]string{"a/a.go": head + "// T is a type.\ntype T[X any] struct{}\n\nfunc (*T[X]) M() {}\n"})
	bites(t, docRule, "C has no comment", map[string]string{"a/a.go": head + "const C = 1\n"})
	passes(t, docRule, map[string]string{"a/a.go": head + strings.Join([]string{
		"// F does.\nfunc F() {}\n", "type t struct{}\n\nfunc (t) M() {}\n", "// The two.\nconst (\n\tC = 1\n\tD = 2\n)\n"}, "\n")})
}
