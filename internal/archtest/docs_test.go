package archtest

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/config"
)

// documents are what operators read: their configurations must be ones that load.
func isDocument(name string) bool {
	return strings.HasPrefix(name, "docs/") && strings.HasSuffix(name, ".md") || name == "README.md"
}

// yamlBlock is one ```yaml block of a document. One that starts with `# part` shows a part of a file and is not loaded.
type yamlBlock struct {
	file, text string
	line       int
}

const (
	fence    = "```"
	partMark = "# part"
)

func (tr *tree) yamlBlocks() []yamlBlock {
	var out []yamlBlock
	for _, name := range tr.paths(".md") {
		if !isDocument(name) {
			continue
		}
		open := -1
		lines := strings.Split(tr.text[name], "\n")
		for i, line := range lines {
			switch {
			case open < 0 && line == fence+"yaml":
				open = i + 1
			case open >= 0 && line == fence:
				out = append(out, yamlBlock{file: name, text: strings.Join(lines[open:i], "\n") + "\n", line: open + 1})
				open = -1
			}
		}
	}
	return out
}

// yamlRule: every whole configuration in the documents, and every one of the tree that is meant to run, loads without an error.
func yamlRule(tr *tree) []string {
	var out []string
	load := func(what, text string) {
		if _, _, err := config.Load(what, []byte(text)); err != nil {
			out = append(out, fmt.Sprintf("%s does not load: %v", what, err))
		}
	}
	for _, b := range tr.yamlBlocks() {
		if !strings.HasPrefix(b.text, partMark) {
			load(fmt.Sprintf("%s:%d", b.file, b.line), b.text)
		}
	}
	for _, name := range tr.paths(".yaml") {
		if strings.HasPrefix(name, "scripts/") || strings.HasPrefix(name, "docs/") {
			load(name, tr.text[name])
		}
	}
	return out
}

func TestDocs_YAML_Loads(t *testing.T) {
	tr := ourTree(t)
	if len(tr.yamlBlocks()) == 0 {
		t.Error("no document shows a configuration")
	}
	holds(t, yamlRule)
}

func TestDocs_BadYAML_IsReported(t *testing.T) {
	bites(t, yamlRule, "README.md:3", map[string]string{"README.md": "# x\n" + fence + "yaml\nzones: 1\n" + fence + "\n"})
	passes(t, yamlRule, map[string]string{"README.md": fence + "yaml\n" + partMark + "\nzones: 1\n" + fence + "\n"})
}

// readmeSections are what the README has, in this order.
var readmeSections = []string{"Status", "Run it", "A call, traced", "What it does", "Performance", "Ports and firewall", "Operate", "Security", "Build and test",
	"Layout", "Licence"}

func readmeRule(tr *tree) []string {
	at := 0
	var out []string
	for _, section := range readmeSections {
		i := strings.Index(tr.text["README.md"][at:], "\n## "+section+"\n")
		if i < 0 {
			out = append(out, "README.md: no section "+section+" in its place")
			continue
		}
		at += i
	}
	return out
}

func TestDocs_README_HasItsSections(t *testing.T) { holds(t, readmeRule) }

func TestDocs_READMEWithout_IsReported(t *testing.T) {
	bites(t, readmeRule, "Licence", map[string]string{"README.md": "\n## Status\n"})
}
