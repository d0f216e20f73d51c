package ladder

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// rewrite is the new text of one expected block.
type rewrite struct {
	step *step
	text []string
}

var (
	tokenText = regexp.MustCompile(`[a-z2-7]{26}`)
	mediaPort = regexp.MustCompile(`^(m=\S+ )([1-9][0-9]*)( .*)$`)
	rtcpPort  = regexp.MustCompile(`^(a=rtcp:)([1-9][0-9]*)(.*)$`)
	origin    = regexp.MustCompile(`^(o=\S+ )([0-9]+)( )([0-9]+)( .*)$`)
	bodySize  = regexp.MustCompile(`^(Content-Length: )([1-9][0-9]*)()$`)
)

// template turns a received message into an expected block: what differs from
// run to run becomes a named wildcard, and vars learns its value.
func (p *player) template(m *message) []string {
	out := []string{p.general(m.start)}
	for _, h := range m.headers {
		if len(m.body) > 0 {
			h = p.name(bodySize, h, "len", "num")
		}
		out = append(out, p.general(h))
	}
	if m.body == "" {
		return out
	}
	out = append(out, "")
	for _, l := range strings.Split(strings.TrimSuffix(m.body, "\r\n"), "\r\n") {
		l = p.name(mediaPort, l, "port", "port")
		l = p.name(rtcpPort, l, "port", "port")
		if o := origin.FindStringSubmatch(l); o != nil {
			l = o[1] + p.wild(o[2], "sess", "num") + o[3] + p.wild(o[4], "ver", "num") + o[5]
		}
		out = append(out, p.general(l))
	}
	return out
}

// name replaces the second group of a pattern.
func (p *player) name(re *regexp.Regexp, l, stem, kind string) string {
	g := re.FindStringSubmatch(l)
	if g == nil {
		return l
	}
	return g[1] + p.wild(g[2], stem, kind) + g[3]
}

func (p *player) general(l string) string {
	return tokenText.ReplaceAllStringFunc(l, func(s string) string { return p.wild(s, "token", "token") })
}

// wild gives the wildcard for a value: the name it was captured under, or a
// new one that captures it. Tokens are unique, so any name that holds one will
// do; a number must have been captured as the same thing.
func (p *player) wild(value, stem, kind string) string {
	if kind == "token" {
		for _, name := range slices.Sorted(maps.Keys(p.vars)) {
			if p.vars[name] == value {
				return "${" + name + "}"
			}
		}
	}
	for i := 1; ; i++ {
		name := fmt.Sprintf("%s%d", stem, i)
		v, ok := p.vars[name]
		if ok && v == value {
			return "${" + name + "}"
		}
		if !ok {
			p.vars[name] = value
			return "${" + name + ":" + kind + "}"
		}
	}
}

// save writes the file with its rewritten blocks.
func (s *Script) save(changes []rewrite) error {
	out := slices.Clone(s.lines)
	for i := len(changes) - 1; i >= 0; i-- {
		c := changes[i]
		block := make([]string, len(c.text))
		for j, l := range c.text {
			block[j] = strings.TrimRight("<"+c.step.peer+" "+l, " ")
		}
		out = slices.Replace(out, c.step.line, c.step.end, block...)
	}
	if err := os.WriteFile(s.file, []byte(strings.Join(out, "\n")+"\n"), 0o644); err != nil {
		return fmt.Errorf("update ladder: %w", err)
	}
	return nil
}
