package strict

import (
	"strings"
	"testing"
	"time"
)

// sections is a small format for these tests.
func sections() []Section {
	return []Section{{Path: "", Keys: []Key{{Name: "name"}, {Name: "wait"}, {Name: "list"}, {Name: "kind"}, {Name: "soon", Later: true}}}}
}

// decode reads a document of that format and returns what was said about it.
func decode(t *testing.T, text string) (got map[string]string, issues string) {
	t.Helper()
	d := NewDecoder("f", sections())
	got = make(map[string]string)
	if v, ok := d.Document([]byte(text)); ok {
		d.Section(v, "", map[string]func(Value){
			"name": func(v Value) { got["name"], _ = d.Name(v) },
			"wait": func(v Value) {
				var w time.Duration
				d.Duration(v, &w, time.Second, 4*time.Hour)
				got["wait"] = w.String()
			},
			"list": func(v Value) {
				for _, item := range d.OneOrItems(v) {
					s, _ := d.Word(item)
					got["list"] += s + "@" + item.Path + ";"
				}
			},
			"kind": func(v Value) { got["kind"], _ = d.Choice(v, []string{"a", "b"}, []string{"c"}) },
		})
	}
	if err := d.Err(); err != nil {
		issues = err.Error()
	}
	return got, issues
}

func TestDecoder_Values_AreTakenAsWritten(t *testing.T) {
	got, issues := decode(t, "name: gw1\nwait: 1h\nlist: [0911, +1, no, 1e3, 2001-01-01]\nkind: b\n")
	if issues != "" || got["name"] != "gw1" || got["wait"] != "1h0m0s" || got["kind"] != "b" {
		t.Errorf("got %v, %s", got, issues)
	}
	if want := "0911@list[0];+1@list[1];no@list[2];1e3@list[3];2001-01-01@list[4];"; got["list"] != want {
		t.Errorf("got %s, want %s", got["list"], want)
	}
	if got, _ := decode(t, "list: 007"); got["list"] != "007@list;" {
		t.Errorf("got %v", got)
	}
}

// number and truth decode one value as a number from 0 to 100, and as a truth value.
func number(t *testing.T, text string) (n int, issue string) {
	t.Helper()
	d := NewDecoder("f", nil)
	n = -1
	if v, ok := d.Document([]byte(text)); ok {
		d.Int(v, &n, 0, 100)
	}
	if err := d.Err(); err != nil {
		issue = err.Error()
	}
	return n, issue
}

func truth(t *testing.T, text string, before bool) (after bool, issue string) {
	t.Helper()
	d := NewDecoder("f", nil)
	after = before
	if v, ok := d.Document([]byte(text)); ok {
		d.Bool(v, &after)
	}
	if err := d.Err(); err != nil {
		issue = err.Error()
	}
	return after, issue
}

func TestDecoder_Int_TakesDecimalsOnly(t *testing.T) {
	for text, want := range map[string]int{"0": 0, "7": 7, "100": 100} {
		if got, issue := number(t, text); got != want || issue != "" {
			t.Errorf("%s gives %d, %s", text, got, issue)
		}
	}
	for text, want := range map[string]string{
		"-1": `the number "-1"`, "101": `the number "101"`, "+7": `the number "+7"`, "07": `the number "07"`, "0x7": `the number "0x7"`, "0o7": `the number "0o7"`,
		"1_0": `the number "1_0"`, "1e1": `the number "1e1"`, "7.0": `the number "7.0"`, "~": "nothing", "x": `"x"`, "[7]": "a list", "{a: 7}": "a mapping", "true": `the truth value "true"`, `"7"`: `"7"`,
		"99999999999999999999": `the number "99999999999999999999"`,
	} {
		if got, issue := number(t, text); got != -1 || issue != "f:1:1: want a number from 0 to 100, got "+want {
			t.Errorf("%s gives %d, %s", text, got, issue)
		}
	}
}

func TestDecoder_Bool_TakesTrueAndFalseOnly(t *testing.T) {
	for text, want := range map[string]bool{"true": true, "false": false, "True": true, "FALSE": false} {
		if got, issue := truth(t, text, !want); got != want || issue != "" {
			t.Errorf("%s gives %v, %s", text, got, issue)
		}
	}
	for text, want := range map[string]string{"yes": `"yes"`, "on": `"on"`, "1": `the number "1"`, "~": "nothing", `"true"`: `"true"`, "[true]": "a list"} {
		if got, issue := truth(t, text, false); got || issue != "f:1:1: want true or false, got "+want {
			t.Errorf("%s gives %v, %s", text, got, issue)
		}
	}
}

func TestDecoder_Mistakes_AreAllThereInOrder(t *testing.T) {
	_, issues := decode(t, "kind: c\nwait: 5h\nsoon: 1\nnamme: x\nname: 'a b'\nwait: 1s\nlist: []\n")
	want := `f:1:7: kind: "c" is not supported by this version yet
f:2:7: wait: want a duration from 1s to 4h, got 5h
f:3:1: soon: not supported by this version yet
f:4:1: namme: unknown key, did you mean name?
f:5:7: name: "a b" is no name: want at most 63 letters, digits, dots, dashes and underscores, a letter or digit first
f:6:1: wait: duplicate key, first on line 2
f:7:7: list: the list is empty`
	if issues != want {
		t.Errorf("got\n%s\nwant\n%s", issues, want)
	}
}

func TestDecoder_ManyMistakes_AreCounted(t *testing.T) {
	_, issues := decode(t, strings.Repeat("x: 1\n", MaxIssues+500))
	lines := strings.Split(issues, "\n")
	if len(lines) != MaxIssues+1 || lines[MaxIssues] != "f:1001:1: 500 more mistakes" {
		t.Errorf("%d lines, last %q", len(lines), lines[len(lines)-1])
	}
}

func TestDecoder_SyntaxErrors_NameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"a: [1\nb: 2\n":               "f:2:1: not valid YAML: ",
		"a: 1\nb: [1\nc: 2\n":         "f:2:1: not valid YAML: ",
		"a: 1\n\tb: 2\n":              "f:2:1: not valid YAML: ",
		"a: 1\nb: \"x\n":              "f:2:1: not valid YAML: ",
		"a: 1\nb: *none\n":            "f:2:4: not valid YAML: unknown anchor 'none' referenced",
		"a: 1\n%\n":                   "f:2:1: not valid YAML: ",
		"a: 1\nb: c: d\n":             "f:2:1: not valid YAML: mapping values are not allowed",
		"a: 1\n---\nb: [\n":           "f:",
		"a: 1\nb: é\x07":              "f:2:5: the file holds a control character",
		"a: 1\nbé: \xc3\n":            "f:2:5: the file is not UTF-8 text",
		"":                            "f:1:1: the file is empty",
		"# only a comment\n":          "f:1:1: the file is empty",
		"a: 1\n---\nb: 2\n":           "f:1:1: the file holds more than one YAML document",
		"a: &a {b: *a}\n":             "nested deeper than 16 levels",
		"a: !!binary aGk=\n":          `f:1:4: YAML tags such as "!!binary" are not used here`,
		strings.Repeat("[", 20) + "1": "f:1:1: not valid YAML",
		"{[a, b]: 1}":                 "f:1:2: a key must be a text, got a list",
		"{~: 1}":                      "f:1:2: a key must be a text, got nothing",
		"<<: 3\n":                     "f:1:5: << wants an alias of a mapping, got the number \"3\"",
	} {
		if _, issues := decode(t, text); !strings.Contains(issues, want) {
			t.Errorf("%q gives %q, want %q", text, issues, want)
		}
	}
}

func TestNearest_Misspelt_IsFound(t *testing.T) {
	known := []string{"listen", "advertise", "trust", "unknown", "media", "ring_timeout"}
	for word, want := range map[string]string{
		"lisen": "listen", "Listen": "listen", "advertize": "advertise", "trsut": "trust", "medai": "media",
		"ringtimeout": "ring_timeout", "ring-timeout": "ring_timeout", "x": "", "colour": "", "": "", "limit": "",
		strings.Repeat("listen", 20): "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("%q gives %q, want %q", word, got, want)
		}
	}
}

func TestQuote_LongOrUnprintable_IsBounded(t *testing.T) {
	if got := Quote(strings.Repeat("é", 100)); len([]rune(got)) != maxQuoted+5 || !strings.HasSuffix(got, `"...`) {
		t.Errorf("got %s", got)
	}
	if got := Quote("\x1b[31m\u202e\n"); got != `"\x1b[31m\u202e\n"` {
		t.Errorf("got %s", got)
	}
}
