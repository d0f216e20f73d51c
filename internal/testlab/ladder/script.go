package ladder

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Script is a parsed ladder file.
type Script struct {
	// Config is the text of the lines that start with "| ".
	Config string

	file  string
	lines []string
	peers []peerSpec
	steps []step
}

type peerSpec struct {
	name          string
	tcp           bool
	local, remote netip.AddrPort
}

type stepKind uint8

const (
	stepSend stepKind = iota
	stepExpect
	stepWait
	stepQuiet
	stepAgain
	stepResend
	stepSet
	stepTimeout
	stepIgnoreRepeats
	stepForbid
	stepBytes
	stepDisconnect
)

// step is one thing to do; lines [line, end) of the file belong to it.
type step struct {
	kind      stepKind
	peer      string
	text      []string
	dur       time.Duration
	line, end int
}

var (
	sendPrefix = regexp.MustCompile(`^([A-Z][A-Z0-9]*)>(?: (.*))?$`)
	// startLine is what begins another message even without a blank line.
	startLine    = regexp.MustCompile(`^(SIP/2\.0 \S+ .*|[A-Z]+ \S+ SIP/2\.0)$`)
	expectPrefix = regexp.MustCompile(`^<([A-Z][A-Z0-9]*)(?: (.*))?$`)
)

// Load reads and parses a ladder file.
func Load(file string) (*Script, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read ladder: %w", err)
	}
	return Parse(file, b)
}

// Parse parses the text of a ladder file; the name is for messages.
func Parse(file string, text []byte) (*Script, error) {
	s := &Script{file: file}
	sc := bufio.NewScanner(bytes.NewReader(text))
	sc.Buffer(nil, maxScriptLine)
	for sc.Scan() {
		s.lines = append(s.lines, strings.TrimSuffix(sc.Text(), "\r"))
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("read ladder %s: %w", file, err)
	}
	var config strings.Builder
	for i, line := range s.lines {
		if err := s.parseLine(i, line, &config); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
	}
	s.Config = config.String()
	for _, st := range s.steps {
		if st.peer != "" && s.peer(st.peer) == nil {
			return nil, fmt.Errorf("%s:%d: peer %s is not declared", file, st.line+1, st.peer)
		}
	}
	return s, nil
}

func (s *Script) parseLine(i int, line string, config *strings.Builder) error {
	if line == "|" || strings.HasPrefix(line, "| ") {
		config.WriteString(strings.TrimPrefix(strings.TrimPrefix(line, "|"), " "))
		config.WriteByte('\n')
		return nil
	}
	if m := sendPrefix.FindStringSubmatch(line); m != nil {
		s.messageLine(stepSend, i, m[1], m[2])
		return nil
	}
	if m := expectPrefix.FindStringSubmatch(line); m != nil {
		s.messageLine(stepExpect, i, m[1], m[2])
		return nil
	}
	words := strings.Fields(line)
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return nil
	}
	if words[0] == "peer" {
		return s.parsePeer(words[1:])
	}
	st, err := parseDirective(words)
	if err != nil {
		return err
	}
	st.line, st.end = i, i+1
	s.steps = append(s.steps, st)
	return nil
}

// messageLine adds a line to the message it continues, or starts a new one.
func (s *Script) messageLine(kind stepKind, i int, peer, text string) {
	if n := len(s.steps); n > 0 {
		last := &s.steps[n-1]
		begins := startLine.MatchString(text) && !slices.Contains(last.text, "")
		if last.kind == kind && last.peer == peer && last.end == i && !begins {
			last.text = append(last.text, text)
			last.end = i + 1
			return
		}
	}
	s.steps = append(s.steps, step{kind: kind, peer: peer, text: []string{text}, line: i, end: i + 1})
}

func (s *Script) parsePeer(words []string) error {
	const usage = "want: peer NAME [tcp] LOCAL -> REMOTE"
	if len(words) == 0 {
		return fmt.Errorf("peer without a name, %s", usage)
	}
	p := peerSpec{name: words[0]}
	words = words[1:]
	if len(words) > 0 && words[0] == "tcp" {
		p.tcp = true
		words = words[1:]
	}
	if len(words) != 3 || words[1] != "->" || !sendPrefix.MatchString(p.name+">") {
		return fmt.Errorf("bad peer line, %s", usage)
	}
	var err error
	if p.local, err = netip.ParseAddrPort(words[0]); err != nil {
		return fmt.Errorf("peer %s: %w", p.name, err)
	}
	if p.remote, err = netip.ParseAddrPort(words[2]); err != nil {
		return fmt.Errorf("peer %s: %w", p.name, err)
	}
	if s.peer(p.name) != nil {
		return fmt.Errorf("peer %s is declared twice", p.name)
	}
	s.peers = append(s.peers, p)
	return nil
}

func (s *Script) peer(name string) *peerSpec {
	for i := range s.peers {
		if s.peers[i].name == name {
			return &s.peers[i]
		}
	}
	return nil
}

func parseDirective(words []string) (step, error) {
	args := words[1:]
	switch words[0] {
	case "wait", "timeout":
		if len(args) != 1 {
			return step{}, fmt.Errorf("want: %s DURATION", words[0])
		}
		d, err := time.ParseDuration(args[0])
		kind := stepWait
		if words[0] == "timeout" {
			kind = stepTimeout
		}
		return step{kind: kind, dur: d}, err
	case "quiet":
		return parseQuiet(args)
	case "again", "resend", "disconnect":
		if len(args) != 1 {
			return step{}, fmt.Errorf("want: %s PEER", words[0])
		}
		kinds := map[string]stepKind{"again": stepAgain, "resend": stepResend, "disconnect": stepDisconnect}
		return step{kind: kinds[words[0]], peer: args[0]}, nil
	case "bytes":
		if len(args) < 2 {
			return step{}, fmt.Errorf("want: bytes PEER HEX")
		}
		b, err := hex.DecodeString(strings.Join(args[1:], ""))
		return step{kind: stepBytes, peer: args[0], text: []string{string(b)}}, err
	case "set":
		if len(args) < 2 {
			return step{}, fmt.Errorf("want: set NAME VALUE")
		}
		return step{kind: stepSet, text: []string{args[0], strings.Join(args[1:], " ")}}, nil
	case "repeats":
		if len(args) != 1 || args[0] != "ignore" {
			return step{}, fmt.Errorf("want: repeats ignore")
		}
		return step{kind: stepIgnoreRepeats}, nil
	case "forbid":
		if len(args) < 2 {
			return step{}, fmt.Errorf("want: forbid PEER VALUE [VALUE]")
		}
		for _, secret := range args[1:] {
			if len(secret) < minSecret {
				return step{}, fmt.Errorf("forbid %q: under %d characters chance puts it into a token", secret, minSecret)
			}
		}
		return step{kind: stepForbid, peer: args[0], text: args[1:]}, nil
	}
	return step{}, fmt.Errorf("%q is no directive and has no message prefix", words[0])
}

// minSecret is the length of a forbidden value from which on our random
// identifiers do not hold it by chance: 32 letters, a few hundred places.
const minSecret = 6

func parseQuiet(args []string) (step, error) {
	st := step{kind: stepQuiet}
	if len(args) == 2 {
		st.peer = args[0]
		args = args[1:]
	}
	if len(args) != 1 {
		return st, fmt.Errorf("want: quiet [PEER] DURATION")
	}
	d, err := time.ParseDuration(args[0])
	st.dur = d
	return st, err
}
