package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/config"
)

var update = flag.Bool("update", false, "write the golden files")

// report writes what Load says, mistakes first.
func report(warnings []config.Issue, err error) string {
	var b strings.Builder
	var mistakes config.Errors
	if errors.As(err, &mistakes) {
		for _, m := range mistakes {
			b.WriteString(m.String() + "\n")
		}
	}
	for _, w := range warnings {
		b.WriteString("warning: " + w.String() + "\n")
	}
	return b.String()
}

func TestLoad_BadFiles_ReportEveryMistake(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 15 {
		t.Fatalf("found %d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, warnings, err := config.Load(filepath.Base(file), data)
			if (c == nil) != (err != nil) {
				t.Errorf("got configuration %v with error %v", c != nil, err)
			}
			onlyWarnings := strings.HasSuffix(file, "warnings.yaml")
			if (err == nil) != onlyWarnings {
				t.Errorf("error %v", err)
			}
			got := report(warnings, err)
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			for _, list := range [][]config.Issue{warnings, mistakes(err)} {
				if !slices.IsSortedFunc(list, byPos) {
					t.Errorf("not sorted by position: %v", list)
				}
			}
		})
	}
}

func mistakes(err error) []config.Issue {
	var list config.Errors
	if errors.As(err, &list) {
		return list
	}
	return nil
}

func byPos(a, b config.Issue) int {
	if a.Pos.Line != b.Pos.Line {
		return a.Pos.Line - b.Pos.Line
	}
	return a.Pos.Col - b.Pos.Col
}
