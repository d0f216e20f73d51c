package grammar

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

// tokenText is alphanum and the marks of the token rule, RFC 3261 §25.1.
const tokenText = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~"

func TestCharset_EveryByte(t *testing.T) {
	for i := range 256 {
		c := byte(i)
		isToken := strings.IndexByte(tokenText, c) >= 0
		if IsTokenByte(c) != isToken || IsToken([]byte{'a', c}) != isToken || IsToken(string([]byte{c, 'a'})) != isToken {
			t.Errorf("token byte %#x, want %v", c, isToken)
		}
		control := c < 32 || c == 127
		if IsControl(c) != control || HasUnsafe([]byte{'a', c}) != (control && c != '\t') || HasUnsafe(string([]byte{c})) != (control && c != '\t') {
			t.Errorf("control %#x, want %v", c, control)
		}
		for at := range 17 { // every place of the eight bytes looked at together, and of the rest
			b := bytes.Repeat([]byte{0xff}, 17)
			b[at] = c
			if HasControl(b) != control {
				t.Errorf("%#x at %d: control, want %v", c, at, control)
			}
		}
	}
	if IsToken("") || HasControl(nil) || HasUnsafe("") {
		t.Error("empty text")
	}
}

// Every control byte at every place of a text longer than two words, with bytes around it that could deceive the reading of
// eight at once: the first one counts, whatever follows.
func TestNextControl_EveryByteAtEveryPlace_IsFound(t *testing.T) {
	for _, fill := range []byte{' ', '~', 0x80, 0xff} {
		for c := range 256 {
			for at := range 20 {
				text := bytes.Repeat([]byte{fill}, 20)
				text[at] = byte(c)
				if at+1 < len(text) {
					text[at+1] = '\r'
				}
				want := min(at+1, len(text))
				if IsControl(byte(c)) {
					want = at
				}
				for from := range at + 1 {
					if got := NextControl(text, from); got != want {
						t.Fatalf("%q from %d: %d, want %d", text, from, got, want)
					}
				}
			}
		}
	}
}

func TestControlsAllowed_WhereTheGrammarHidesThem(t *testing.T) {
	for text, want := range map[string]bool{
		"a\tb":         true,
		"a\r\n b":      true,
		"a\r\n\tb":     true,
		"a\r\nb":       false,
		"a\r\n":        false,
		"a\n b":        false,
		"a\r b":        false,
		"\x00":         false,
		"\x7f":         false,
		"\\\x00":       false, // a quoted pair only counts inside quotes
		"\"\\\x00\"":   true,
		"\"\x00\"":     false,
		"\"\\\r\"":     false,
		"\"\\\n\"":     false,
		"\"\\\"\"\x01": false,
		"\"\\":         true,
		"\"a\" \\\x01": false,
	} {
		if got := ControlsAllowed([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestEqualFold_EveryPair_OnlyLettersFold(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			want := a == b || a|0x20 == b|0x20 && a|0x20 >= 'a' && a|0x20 <= 'z'
			if EqualFold([]byte{'x', byte(a)}, string([]byte{'X', byte(b)})) != want {
				t.Fatalf("%#x and %#x: want %v", a, b, want)
			}
		}
	}
	if EqualFold("a", "ab") || !EqualFold("", []byte(nil)) {
		t.Error("length")
	}
}

func TestNextLine_EndsAndContinuations(t *testing.T) {
	for text, want := range map[string]Line{
		"A: b\r\nC":         {To: 4, Next: 6},
		"A: b\r\n c\r\nD":   {To: 8, Next: 10, odd: unread | folded},
		"A: b\r\n\tc\r\n d": {To: 12, Next: 12, odd: unread | folded}, // the last has no end
		"A: b\n c\r\nD":     {To: 7, Next: 9, odd: unread | folded | bare},
		"A: b\nC":           {To: 4, Next: 5, odd: unread | bare},
		"A: b\r\n":          {To: 4, Next: 6},
		"A: b\tc\r\nD":      {To: 6, Next: 8, odd: unread}, // a TAB: to be looked at
		"A: b":              {To: 4, Next: 4, odd: unread},
		"":                  {odd: unread},
		"\r\n x":            {To: 0, Next: 2}, // the empty line ends the head, whatever the body begins with
		"\n x":              {To: 0, Next: 1, odd: unread | bare},
		"A\r\n \r\n\r\n":    {To: 4, Next: 6, odd: unread | folded},
		"A\r\r\n":           {To: 2, Next: 4, odd: unread}, // what a CR alone means is for the caller to judge
	} {
		for _, before := range []string{"", "\r\n", "X: y\r\n"} {
			n := len(before)
			moved := want
			moved.To, moved.Next = want.To+n, want.Next+n
			if got := NextLine([]byte(before+text), n); got != moved {
				t.Errorf("%q behind %q: %+v, want %+v", text, before, got, moved)
			}
		}
	}
}

func TestUnfold_LineEnds_BecomeOneBlank(t *testing.T) {
	for text, want := range map[string]string{
		"a":                        "a",
		" \t a b \r\n ":            "a b",
		"a \t\r\n \t b":            "a b",
		"a\n b\r\n\r\n\tc":         "a b c",
		"\r\n a":                   "a",
		" \r\n ":                   "",
		"a  b":                     "a  b",
		"\"a\r\n b\";\r\n\tc=\"\"": "\"a b\"; c=\"\"",
	} {
		if got := Unfold([]byte("x "), []byte(text)); string(got) != "x "+want {
			t.Errorf("%q: %q, want %q", text, got, "x "+want)
		}
	}
}

func TestCutValue_CommasThatSeparate(t *testing.T) {
	for text, want := range map[string]string{
		"a":                            "a",
		"":                             "",
		" a , b\t,,c ":                 "a|b||c",
		"a,":                           "a|",
		`"a,b" <sip:c,d>, "e\",f" , g`: `"a,b" <sip:c,d>|"e\",f"|g`,
		`<"a,b>,c`:                     `<"a,b>|c`, // a quote means nothing inside brackets
		`"<",a`:                        `"<"|a`,
		`"a,b`:                         `"a,b`,
		`"a\`:                          `"a\`,
		`<a,b`:                         `<a,b`,
	} {
		var got []string
		for rest := []byte(text); ; {
			var v []byte
			v, rest = CutValue(rest)
			if got = append(got, string(v)); rest == nil {
				break
			}
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestCutParam_NamesAndValues(t *testing.T) {
	for text, want := range map[string]string{
		"tag=1":                   "tag=1",
		"lr":                      "lr",
		" a = b ; c ;\td=\"x;y\"": "a=b|c|d=\"x;y\"",
		"a=\"\\\";\";b":           `a="\";"|b`,
		"a=[::1]:5060;b=@=:/":     "a=[::1]:5060|b=@=:/",
		"a=\x80":                  "a=\x80",
		"":                        "!",
		"a;":                      "a|!",
		"a;;b":                    "a|!",
		"=a":                      "!",
		"a=":                      "!",
		"a= ;b":                   "!",
		"a b":                     "!",
		"a=b c":                   "!",
		"a=\"b":                   "!",
		"a=\"b\\":                 "!",
		"a=\"b\"c":                "!",
		"a=b,c":                   "!",
		"a=<b>":                   "!",
		"a=\x01":                  "!",
		"a=\x7f":                  "!",
		"a@b":                     "!",
	} {
		var got []string
		for rest := []byte(text); ; {
			name, value, tail := CutParam(rest)
			switch {
			case name == nil:
				got = append(got, "!")
			case value == nil:
				got = append(got, string(name))
			default:
				got = append(got, string(name)+"="+string(value))
			}
			if rest = tail; rest == nil {
				break
			}
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestFindParam_FirstOfThatName(t *testing.T) {
	for _, c := range []struct {
		list, name, want string
		ok               bool
	}{
		{"a=1;b=2;B=3", "b", "2", true},
		{"a=1;TAG=2", "tag", "2", true},
		{"a;b", "a", "", true},
		{"a=1;b=", "a", "1", true},
		{"=;a=1", "a", "", false}, // behind a malformed one nothing is sure
		{"ab=1", "a", "", false},
		{"", "a", "", false},
	} {
		if v, ok := FindParam([]byte(c.list), c.name); ok != c.ok || string(v) != c.want {
			t.Errorf("%q in %q: %q, %v", c.name, c.list, v, ok)
		}
	}
}

func TestBeforeParams_AndTrim(t *testing.T) {
	for text, want := range map[string]string{"a ; b;c": "a", ";b": "", "a": "a", " a/b\t;": "a/b", "": ""} {
		if got := BeforeParams([]byte(text)); string(got) != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	for text, want := range map[string]string{" \ta b\t ": "a b", " \t": "", "": "", "\r\na": "\r\na"} {
		if got := Trim([]byte(text)); string(got) != want {
			t.Errorf("%q trimmed: %q", text, got)
		}
	}
	if got := QuotedEnd([]byte(`x"a\"b"c`), 1); got != 7 {
		t.Errorf("quoted string ends at %d", got)
	}
}

func TestParseDecimal_DigitsUpToTheLimit(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit uint64
		want  uint64
		ok    bool
	}{
		{"0", 0, 0, true},
		{"1", 0, 0, false},
		{"0065535", 65535, 65535, true},
		{"65536", 65535, 0, false},
		{"4294967295", math.MaxUint32, math.MaxUint32, true},
		{"4294967296", math.MaxUint32, 0, false},
		{"1152921504606846975", 1<<60 - 1, 1<<60 - 1, true},
		{"11529215046068469759", 1<<60 - 1, 0, false},
		{"18446744073709551617", math.MaxUint32, 0, false}, // 1 when it wraps round
		{strings.Repeat("9", 1000), 255, 0, false},
		{"", 9, 0, false},
		{"+1", 9, 0, false},
		{" 1", 9, 0, false},
		{"1 ", 9, 0, false},
		{"/", 9, 0, false},
		{":", 99, 0, false},
	} {
		if n, ok := ParseDecimal([]byte(c.text), c.limit); ok != c.ok || ok && n != c.want {
			t.Errorf("%q: %d, %v", c.text, n, ok)
		}
		if digits := strings.Trim(c.text, "0123456789") == "" && c.text != ""; IsDigits([]byte(c.text)) != digits {
			t.Errorf("%q: digits, want %v", c.text, digits)
		}
	}
}
