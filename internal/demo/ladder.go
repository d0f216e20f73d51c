package demo

import (
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"gatehouse/sip/msg"
)

// Way is the way of a message as its endpoint sees it.
type Way uint8

// The two ways.
const (
	Sent Way = iota
	Received
)

const (
	// columnWidth is the space between two lifelines, in characters.
	columnWidth = 38
	// mostEntries bounds a ladder: a demo call has about 40 messages.
	mostEntries = 10_000
)

// Ladder records the messages of two endpoints with the border controller
// between them. It may be used from any goroutine; a nil Ladder records nothing.
type Ladder struct {
	left, middle, right string

	mu      sync.Mutex // guards entries
	entries []Entry
}

// Entry is one message of a ladder.
type Entry struct {
	Endpoint string
	Way      Way
	At       time.Time
	Label    string // "INVITE (SDP sendonly)", "200 OK (BYE)"
	Raw      []byte
}

// NewLadder makes an empty ladder. left and right are the names of the
// endpoints whose messages it will get.
func NewLadder(left, middle, right string) *Ladder {
	return &Ladder{left: left, middle: middle, right: right}
}

// Add records a message. The bytes are kept.
func (l *Ladder) Add(endpoint string, w Way, raw []byte, at time.Time) {
	if l == nil {
		return
	}
	e := Entry{Endpoint: endpoint, Way: w, At: at, Label: label(raw), Raw: raw}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) < mostEntries {
		l.entries = append(l.entries, e)
	}
}

// Entries gives what was recorded so far, in order.
func (l *Ladder) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Entry(nil), l.entries...)
}

// label describes a message in a few characters.
func label(raw []byte) string {
	var m msg.Message
	if err := m.Parse(raw, msg.Datagram); err != nil {
		return "unreadable message"
	}
	text := string(m.MethodName())
	if !m.IsRequest() {
		text = fmt.Sprintf("%d %s (%s)", m.Status(), m.Reason(), m.MethodName())
	}
	if len(m.Body()) > 0 {
		text += sdpLabel(m.Body())
	}
	const longest = columnWidth - len(" -- > ")
	return clip(text, longest)
}

func sdpLabel(body []byte) string {
	s, err := readSDP(body)
	switch {
	case err != nil:
		return " (body)"
	case s.direction != directionBoth:
		return " (SDP " + s.direction + ")"
	}
	return " (SDP)"
}

// clip shortens a text and replaces what is not printable ASCII.
func clip(s string, longest int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if len(s) > longest {
		s = s[:longest-2] + ".."
	}
	return s
}

// String draws the ladder, times in milliseconds since the first message.
func (l *Ladder) String() string {
	entries := l.Entries()
	var b strings.Builder
	fmt.Fprintf(&b, "%10s  %s%s%s\n", "ms", pad(l.left, columnWidth+1), pad(l.middle, columnWidth+1), l.right)
	for _, e := range entries {
		ms := float64(e.At.Sub(entries[0].At).Microseconds()) / 1000
		onLeft := e.Endpoint == l.left
		arrow := draw(e.Label, onLeft == (e.Way == Sent))
		empty := strings.Repeat(" ", columnWidth)
		if onLeft {
			fmt.Fprintf(&b, "%10.1f  |%s|%s|\n", ms, arrow, empty)
		} else {
			fmt.Fprintf(&b, "%10.1f  |%s|%s|\n", ms, empty, arrow)
		}
	}
	return b.String()
}

func pad(s string, width int) string {
	if n := utf8.RuneCountInString(s); n < width {
		return s + strings.Repeat(" ", width-n)
	}
	return s
}

// draw makes an arrow over a whole column with the label on it.
func draw(text string, toRight bool) string {
	dashes := columnWidth - len(text) - len(" ") - len(" ") - len(">")
	before := dashes / 2
	line := strings.Repeat("-", before) + " " + text + " " + strings.Repeat("-", dashes-before)
	if toRight {
		return line + ">"
	}
	return "<" + line
}
