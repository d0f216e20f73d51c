package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"gatehouse/config"
)

const committed = "../../docs/configuration.md"

func TestReference_CommittedFile_IsCurrent(t *testing.T) {
	got, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != render() {
		t.Errorf("%s is not current: run go generate ./config", committed)
	}
}

func TestReference_Examples_Load(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(render(), -1)
	if len(blocks) == 0 {
		t.Fatal("no example")
	}
	for _, b := range blocks {
		if _, warnings, err := config.Load("example", []byte(b[1])); err != nil || len(warnings) > 0 {
			t.Errorf("got %v, %v for\n%s", warnings, err, b[1])
		}
	}
}

func TestReference_EveryKey_IsDescribed(t *testing.T) {
	text := render()
	for _, s := range config.Reference() {
		for _, k := range s.Keys {
			if !strings.Contains(text, "`"+k.Name+"`") {
				t.Errorf("%s.%s is missing", s.Path, k.Name)
			}
		}
	}
}
