package grammar

import (
	"bytes"
	"testing"
)

// FuzzLine walks arbitrary text line by line: nothing is skipped or read twice, and a line ends where an independent
// reading says.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"A: b\r\n c\r\nD: e\n\tf\r\n\r\nbody", "\r\n\r\n x", "a\r\r\n b\n", "\"\\\x00\" \x7f\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for pos := 0; pos < len(text); {
			l := NextLine(text, pos)
			if l.Next <= pos || l.To > l.Next || l.To < pos || l.Next > len(text) {
				t.Fatalf("%q at %d: %+v", text, pos, l)
			}
			line := text[pos:l.To]
			ends := bytes.Count(text[pos:l.Next], []byte("\n"))
			if folds := bytes.Count(line, []byte("\n")); l.Folded() != (folds > 0) || len(line) > 0 && l.Next < len(text) && IsBlank(text[l.Next]) {
				t.Fatalf("%q at %d: %+v", text, pos, l)
			}
			if crlfs := bytes.Count(text[pos:l.Next], []byte("\r\n")); l.Bare() != (crlfs < ends) {
				t.Fatalf("%q at %d: %+v with %d line ends, %d with CR", text, pos, l, ends, crlfs)
			}
			if l.Plain() != (bytes.Equal(text[l.To:l.Next], []byte("\r\n")) && NextControl(line, 0) == len(line)) {
				t.Fatalf("%q at %d: %+v", text, pos, l)
			}
			checkUnfolded(t, line)
			if HasControl(line) != bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == Del }) {
				t.Fatalf("%q: control bytes", line)
			}
			pos = l.Next
		}
	})
}

func checkUnfolded(t *testing.T, line []byte) {
	t.Helper()
	flat := Unfold(nil, line)
	if bytes.ContainsAny(flat, "\r\n") || len(flat) > len(line) || !bytes.Equal(Unfold(nil, flat), flat) {
		t.Fatalf("%q unfolded to %q", line, flat)
	}
	visible := func(b []byte) []byte { return bytes.Join(bytes.FieldsFunc(b, blankOrEnd), nil) }
	if !bytes.Equal(visible(flat), visible(line)) {
		t.Fatalf("%q unfolded to %q", line, flat)
	}
}

func blankOrEnd(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }

// FuzzList cuts lists and their parameters. What was cut and is put together again cuts the same.
func FuzzList(f *testing.F) {
	for _, s := range []string{`"a,b" <sip:c,d;e>;tag=1;q="x;y" , g;h = i`, "a;;b", "a=[::1];b", `"\`, "<,>,;"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, list []byte) {
		values := 0
		for rest := list; rest != nil; values++ {
			var v []byte
			if v, rest = CutValue(rest); len(v) > 0 && (IsBlank(v[0]) || IsBlank(v[len(v)-1])) {
				t.Fatalf("%q: value %q is not trimmed", list, v)
			}
		}
		if most := bytes.Count(list, []byte(",")) + 1; values == 0 || values > most {
			t.Fatalf("%q: %d values of at most %d", list, values, most)
		}
		var again []byte
		first, found := "", false
		for rest := list; rest != nil; {
			name, value, tail := CutParam(rest)
			if name == nil {
				if value != nil || tail != nil {
					t.Fatalf("%q: malformed, but %q and %q", list, value, tail)
				}
				return
			}
			if !IsToken(name) || value != nil && len(value) == 0 {
				t.Fatalf("%q: %q = %q, %q", list, name, value, tail)
			}
			if !found {
				first, found = string(name), true
			}
			again = append(append(again, ';'), name...)
			if value != nil {
				again = append(append(again, '='), value...)
			}
			rest = tail
		}
		if _, ok := FindParam(list, first); !ok && len(list) > 0 {
			t.Fatalf("%q: %q not found", list, first)
		}
		var twice []byte
		for rest := again[1:]; rest != nil; {
			name, value, tail := CutParam(rest)
			if name == nil {
				t.Fatalf("%q written as %q is malformed", list, again)
			}
			twice = append(append(twice, ';'), name...)
			if value != nil {
				twice = append(append(twice, '='), value...)
			}
			rest = tail
		}
		if !bytes.Equal(again, twice) {
			t.Fatalf("%q became %q", again, twice)
		}
	})
}
