package ladder

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// anyLines is the line that stands for lines not written.
const anyLines = "..."

// capture is one named wildcard of a pattern.
type capture struct {
	group int
	name  string
	kind  string
}

// wildcard gives the expression of a wildcard kind.
func wildcard(kind string) (string, bool) {
	switch kind {
	case "token":
		return `[a-z2-7]{26}`, true
	case "num":
		return `[0-9]+`, true
	case "port":
		return `[1-9][0-9]{0,4}`, true
	case "word":
		return `[^;,<>"@:=?&\s]+`, true
	case "any":
		return `.+?`, true
	}
	return "", false
}

// matchLine compares one line with a pattern. Captures are added to vars only
// when the whole line matched. The error is a fault of the pattern.
func matchLine(pattern, line string, vars map[string]string) (bool, error) {
	if !strings.Contains(pattern, "${") {
		return pattern == line, nil
	}
	re, captures, err := compileLine(pattern, vars)
	if err != nil {
		return false, err
	}
	got := re.FindStringSubmatch(line)
	if got == nil {
		return false, nil
	}
	fresh := map[string]string{}
	for _, c := range captures {
		v := got[c.group]
		if c.kind == "port" {
			if n, err := strconv.Atoi(v); err != nil || n > 65535 {
				return false, nil
			}
		}
		if c.name == "" {
			continue
		}
		if have, ok := fresh[c.name]; ok && have != v {
			return false, nil
		}
		fresh[c.name] = v
	}
	for k, v := range fresh {
		vars[k] = v
	}
	return true, nil
}

func compileLine(pattern string, vars map[string]string) (*regexp.Regexp, []capture, error) {
	var expr strings.Builder
	var captures []capture
	expr.WriteString(`(?s)\A`)
	at := 0
	for _, m := range substitution.FindAllStringSubmatchIndex(pattern, -1) {
		expr.WriteString(regexp.QuoteMeta(pattern[at:m[0]]))
		at = m[1]
		key := pattern[m[2]:m[3]]
		if key == "*" {
			expr.WriteString(`.*?`)
			continue
		}
		name, kind, hasKind := strings.Cut(key, ":")
		if v, ok := vars[name]; ok && name != "" {
			expr.WriteString(regexp.QuoteMeta(v))
			continue
		}
		if i := slices.IndexFunc(captures, func(c capture) bool { return c.name == name }); !hasKind && i >= 0 {
			kind, hasKind = captures[i].kind, true // captured earlier in this line
		}
		body, ok := wildcard(kind)
		if !hasKind || !ok {
			return nil, nil, fmt.Errorf("${%s}: neither captured before nor a wildcard (token, num, port, word, any)", key)
		}
		captures = append(captures, capture{group: len(captures) + 1, name: name, kind: kind})
		expr.WriteString("(" + body + ")")
	}
	expr.WriteString(regexp.QuoteMeta(pattern[at:]) + `\z`)
	re, err := regexp.Compile(expr.String())
	if err != nil {
		return nil, nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	return re, captures, nil
}

// match compares a received message with an expected block and says in words
// what differs; "" means it matches. vars takes the captures of a match.
func match(block []string, m *message, vars map[string]string) string {
	head, body := splitBlock(block)
	trial := make(map[string]string, len(vars))
	for k, v := range vars {
		trial[k] = v
	}
	var diff string
	if slices.Contains(head, anyLines) {
		diff = matchPartial(head, body, m, trial)
	} else {
		diff = matchWhole(head, body, m, trial)
	}
	if diff == "" {
		for k, v := range trial {
			vars[k] = v
		}
	}
	return diff
}

func matchWhole(head, body []string, m *message, vars map[string]string) string {
	actual := append([]string{m.start}, m.headers...)
	for i, want := range head {
		if i >= len(actual) {
			return fmt.Sprintf("line %q is missing", want)
		}
		if diff := compareLine(want, actual[i], vars); diff != "" {
			return diff
		}
	}
	if len(actual) > len(head) {
		return fmt.Sprintf("line %q was not expected", actual[len(head)])
	}
	return matchBody(body, m, vars)
}

func matchPartial(head, body []string, m *message, vars map[string]string) string {
	if head[0] != anyLines {
		if diff := compareLine(head[0], m.start, vars); diff != "" {
			return diff
		}
	}
	seek := seeker{m: m, used: make([]bool, len(m.headers)), after: map[string]int{}}
	for _, want := range head[1:] {
		if want == anyLines {
			continue
		}
		if name, ok := strings.CutPrefix(want, "!"); ok {
			if l := m.lines(name); len(l) > 0 {
				return fmt.Sprintf("line %q should not be there", l[0])
			}
			continue
		}
		if diff := seek.find(want, vars); diff != "" {
			return diff
		}
	}
	if body == nil {
		return ""
	}
	return matchBody(body, m, vars)
}

// seeker finds the header lines of a partial block, each once and those of one
// name in the order written: order matters within a name, not between names.
type seeker struct {
	m     *message
	used  []bool
	after map[string]int // by name: where the next line of it may stand
}

func (k *seeker) find(want string, vars map[string]string) string {
	near := ""
	name, _, _ := strings.Cut(want, ":")
	key := longName(strings.TrimSpace(name))
	for i, h := range k.m.headers {
		if k.used[i] || i < k.after[key] {
			continue
		}
		ok, err := matchLine(want, h, vars)
		if err != nil {
			return err.Error()
		}
		if ok {
			k.used[i], k.after[key] = true, i+1
			return ""
		}
		if n, _, _ := strings.Cut(h, ":"); sameHeader(n, name) {
			near = h
		}
	}
	if near != "" {
		return fmt.Sprintf("want %q\n got %q", resolve(want, vars), near)
	}
	return fmt.Sprintf("no line like %q", resolve(want, vars))
}

func matchBody(body []string, m *message, vars map[string]string) string {
	if !m.hasBody {
		return "the empty line after the headers is missing"
	}
	if m.body == "" {
		for _, l := range body {
			if l != anyLines {
				return fmt.Sprintf("body line %q is missing: there is no body", l)
			}
		}
		return ""
	}
	actual := strings.Split(strings.TrimSuffix(m.body, "\r\n"), "\r\n")
	return matchSequence(body, actual, vars)
}

// matchSequence compares body lines in order; "..." skips up to the first
// line that matches what follows it.
func matchSequence(want, actual []string, vars map[string]string) string {
	at, gap := 0, false
	for _, w := range want {
		if w == anyLines {
			gap = true
			continue
		}
		diff := fmt.Sprintf("body line %q is missing", resolve(w, vars))
		for at < len(actual) {
			d := compareLine(w, actual[at], vars)
			at++
			if d == "" {
				diff = ""
				break
			}
			if !gap {
				return d
			}
		}
		if diff != "" {
			return diff
		}
		gap = false
	}
	if at < len(actual) && !gap {
		return fmt.Sprintf("body line %q was not expected", actual[at])
	}
	return ""
}

func compareLine(want, got string, vars map[string]string) string {
	ok, err := matchLine(want, got, vars)
	if err != nil {
		return err.Error()
	}
	if ok {
		return ""
	}
	return fmt.Sprintf("want %q\n got %q", resolve(want, vars), got)
}

// resolve shows a pattern with the captured values filled in.
func resolve(pattern string, vars map[string]string) string {
	return substitution.ReplaceAllStringFunc(pattern, func(s string) string {
		name, _, _ := strings.Cut(s[2:len(s)-1], ":")
		if v, ok := vars[name]; ok {
			return v
		}
		return s
	})
}
