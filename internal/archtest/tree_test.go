package archtest

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// module is the import path every package of ours starts with.
const module = "gatehouse"

// tree is the source as the rules see it: the text files, and the Go files parsed.
type tree struct {
	fset *token.FileSet
	text map[string]string // path from the top, with slashes
	code []source          // sorted by path
}

// source is one Go file.
type source struct {
	path string
	pkg  string // import path without the module: "sip/msg"
	test bool
	file *ast.File
}

// skipped are folders that hold nothing we wrote.
func skipped(name string) bool {
	return name == ".git" || name == ".bin" || name == "bin" || name == "__pycache__"
}

// readTree reads a tree. Test data and other files that are not text to us are left out by their folder or ending.
func readTree(fsys fs.FS) (*tree, error) {
	out := &tree{fset: token.NewFileSet(), text: map[string]string{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skipped(d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		return out.add(fsys, name)
	})
	slices.SortFunc(out.code, func(a, b source) int { return strings.Compare(a.path, b.path) })
	return out, err
}

func (tr *tree) add(fsys fs.FS, name string) error {
	raw, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	tr.text[name] = string(raw)
	if path.Ext(name) != ".go" || strings.Contains(name, "testdata/") {
		return nil
	}
	file, err := parser.ParseFile(tr.fset, name, raw, parser.ParseComments)
	if err != nil {
		return err
	}
	pkg := path.Dir(name)
	if pkg == "." {
		pkg = ""
	}
	tr.code = append(tr.code, source{path: name, pkg: pkg, test: strings.HasSuffix(name, "_test.go"), file: file})
	return nil
}

// imports lists what of ours a file imports, without the module.
func (s source) imports() []string {
	var out []string
	for _, spec := range s.file.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		if rest, ok := strings.CutPrefix(name, module+"/"); ok {
			out = append(out, rest)
		}
	}
	return out
}

// functions calls yield for every top-level function of the tree's Go files.
func (tr *tree) functions(yield func(source, *ast.FuncDecl)) {
	for _, s := range tr.code {
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				yield(s, f)
			}
		}
	}
}

// paths lists the text files whose name ends so, sorted.
func (tr *tree) paths(suffix string) []string {
	var out []string
	for name := range tr.text {
		if strings.HasSuffix(name, suffix) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// ours is the repository this test stands in, read once.
var ours = sync.OnceValues(func() (*tree, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return readTree(os.DirFS(dir))
		}
		up := filepath.Dir(dir)
		if up == dir {
			return nil, errors.New("no go.mod above the test")
		}
		dir = up
	}
})

func ourTree(t *testing.T) *tree {
	t.Helper()
	tr, err := ours()
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// memoryTree is a tree of files given by their text.
func memoryTree(t *testing.T, files map[string]string) *tree {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tr, err := readTree(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// rule answers with one complaint for each place that breaks it.
type rule func(*tree) []string

// holds fails the test with every complaint the rule has about our tree.
func holds(t *testing.T, r rule) {
	t.Helper()
	for _, complaint := range r(ourTree(t)) {
		t.Error(complaint)
	}
}

// bites fails the test when the rule has no complaint with this word in it about a tree made of these files.
func bites(t *testing.T, r rule, word string, files map[string]string) {
	t.Helper()
	complaints := r(memoryTree(t, files))
	for _, c := range complaints {
		if strings.Contains(c, word) {
			return
		}
	}
	t.Errorf("no complaint about %q, only %q", word, complaints)
}

// passes fails the test when the rule complains about a tree made of these files.
func passes(t *testing.T, r rule, files map[string]string) {
	t.Helper()
	if complaints := r(memoryTree(t, files)); len(complaints) != 0 {
		t.Errorf("complaints about a good tree: %q", complaints)
	}
}
