package ladder

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var substitution = regexp.MustCompile(`\$\{([^}]*)\}`)

// expander turns the text of one sent message into its bytes.
type expander struct {
	play *player
	peer *peer
	omit bool
	err  error
}

// expand gives the bytes of a message as the script asks for them.
func (p *player) expand(who *peer, text []string) ([]byte, error) {
	head, body := splitBlock(text)
	x := &expander{play: p, peer: who}
	var bodyText string
	for _, l := range body {
		for _, line := range x.line(l, 0) {
			bodyText += line + "\r\n"
		}
	}
	lengthGiven := false
	var out []string
	for i, l := range head {
		if name, _, ok := strings.Cut(l, ":"); ok && i > 0 && sameHeader(name, "Content-Length") {
			lengthGiven = true
		}
		out = append(out, x.line(l, len(bodyText))...)
	}
	if x.err != nil {
		return nil, x.err
	}
	if !lengthGiven {
		out = append(out, "Content-Length: "+strconv.Itoa(len(bodyText)))
	}
	return []byte(strings.Join(out, "\r\n") + "\r\n\r\n" + bodyText), nil
}

// splitBlock parts a block at its empty line; the body is nil without one.
func splitBlock(text []string) (head, body []string) {
	i := slices.Index(text, "")
	if i < 0 {
		return text, nil
	}
	return text[:i], append([]string{}, text[i+1:]...)
}

// line expands one line into the lines it stands for.
func (x *expander) line(l string, length int) []string {
	x.omit = false
	var many []string
	if m := substitution.FindStringSubmatchIndex(l); m != nil && m[0] == 0 {
		if lines, ok := x.headerLines(l[m[2]:m[3]]); ok {
			many, l = lines, l[m[1]:]
			if len(many) == 0 {
				return nil
			}
		}
	}
	l = substitution.ReplaceAllStringFunc(l, func(s string) string {
		return x.value(s[2:len(s)-1], length)
	})
	if x.omit {
		return nil
	}
	if many == nil {
		return []string{l}
	}
	many[len(many)-1] += l
	return many
}

// headerLines handles the substitutions that stand for whole header lines.
func (x *expander) headerLines(key string) ([]string, bool) {
	words := strings.Fields(key)
	if len(words) == 0 {
		return nil, false
	}
	switch words[0] {
	case "last", "sent":
		m, name := x.pick(words)
		if m == nil {
			return nil, true
		}
		lines := slices.Clone(m.lines(name))
		if len(lines) == 0 {
			x.fail("${%s}: that message has no %s", key, name)
		}
		return lines, true
	case "routes":
		return x.routes(), true
	}
	return nil, false
}

// pick finds the message and header a ${last ...} or ${sent ...} names.
func (x *expander) pick(words []string) (*message, string) {
	from, selector := x.peer.received, ""
	if words[0] == "sent" {
		from = x.peer.sent
	}
	switch len(words) {
	case 2:
	case 3:
		selector = words[1]
	default:
		x.fail("${%s}: want a header name", strings.Join(words, " "))
		return nil, ""
	}
	for i := len(from) - 1; i >= 0; i-- {
		if from[i].matches(selector) {
			return &from[i], words[len(words)-1]
		}
	}
	x.fail("${%s}: no such message yet", strings.Join(words, " "))
	return nil, ""
}

// routes builds the Route lines a dialog needs after the last Record-Route
// received: in order for the callee, reversed for the caller (RFC 3261 §12.1).
func (x *expander) routes() []string {
	for i := len(x.peer.received) - 1; i >= 0; i-- {
		m := &x.peer.received[i]
		var set []string
		for _, l := range m.lines("Record-Route") {
			_, v, _ := strings.Cut(l, ":")
			for _, r := range strings.Split(v, ",") {
				set = append(set, "Route: "+strings.TrimSpace(r))
			}
		}
		if set == nil {
			continue
		}
		if m.code() != 0 {
			slices.Reverse(set)
		}
		return set
	}
	return []string{}
}

// value expands a substitution inside a line.
func (x *expander) value(key string, length int) string {
	name, arg, _ := strings.Cut(key, " ")
	switch name {
	case "local":
		return x.peer.spec.local.String()
	case "remote":
		return x.peer.spec.remote.String()
	case "branch":
		return x.branch(arg)
	case "omit":
		x.omit = true
		return ""
	case "hex":
		b, err := hex.DecodeString(strings.ReplaceAll(arg, " ", ""))
		if err != nil {
			x.fail("${%s}: %v", key, err)
		}
		return string(b)
	case "next_url":
		return x.nextURL()
	case "last", "sent":
		m, header := x.pick(strings.Fields(key))
		if m == nil {
			return ""
		}
		v, ok := m.value(header)
		if !ok {
			x.fail("${%s}: that message has no %s", key, header)
		}
		return v
	}
	if rest, ok := strings.CutPrefix(key, "length"); ok {
		return x.length(key, rest, length)
	}
	return x.variable(key)
}

func (x *expander) variable(key string) string {
	if v, ok := x.play.vars[key]; ok {
		return v
	}
	if who, what, ok := strings.Cut(key, "."); ok {
		if p := x.play.peers[who]; p != nil && what == "local" {
			return p.spec.local.String()
		} else if p != nil && what == "remote" {
			return p.spec.remote.String()
		}
	}
	x.fail("${%s} is not set", key)
	return ""
}

// branch makes a new branch, or repeats one: "1" is the newest.
func (x *expander) branch(back string) string {
	p := x.peer
	if back == "" {
		p.branches = append(p.branches, fmt.Sprintf("z9hG4bK-%s-%d", p.spec.name, len(p.branches)+1))
		back = "1"
	}
	n, err := strconv.Atoi(back)
	if err != nil || n < 1 || n > len(p.branches) {
		x.fail("${branch %s}: this peer made %d", back, len(p.branches))
		return ""
	}
	return p.branches[len(p.branches)-n]
}

func (x *expander) nextURL() string {
	for i := len(x.peer.received) - 1; i >= 0; i-- {
		if v, ok := x.peer.received[i].value("Contact"); ok {
			return contactURI(v)
		}
	}
	x.fail("${next_url}: no Contact received yet")
	return ""
}

func (x *expander) length(key, offset string, length int) string {
	if offset == "" {
		return strconv.Itoa(length)
	}
	n, err := strconv.Atoi(offset)
	if err != nil {
		x.fail("${%s}: want length, length+N or length-N", key)
	}
	return strconv.Itoa(length + n)
}

func (x *expander) fail(format string, args ...any) {
	if x.err == nil {
		x.err = fmt.Errorf(format, args...)
	}
}
