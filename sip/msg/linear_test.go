package msg

import (
	"math"
	"strings"
	"testing"
	"time"
)

// grown is a message that grows with n in one way a sender can choose.
var grown = map[string]struct {
	most int // the largest n within the limits
	raw  func(n int) []byte
}{
	"header lines": {MaxHeaders - 10, func(n int) []byte {
		return with(strings.Split(strings.Repeat("X-Header: some value\n", n-1)+"X: y", "\n")...)
	}},
	"same header": {MaxHeaders - 10, func(n int) []byte {
		return with(strings.Split(strings.Repeat("Supported: timer\n", n-1)+"k: x", "\n")...)
	}},
	"one long header": {8000, func(n int) []byte { return with("X-Long: " + strings.Repeat("x", n)) }},
	"long name":       {8000, func(n int) []byte { return with(strings.Repeat("N", n) + ": x") }},
	"folded line":     {2000, func(n int) []byte { return with("X-Folded: a" + strings.Repeat("\r\n b", n)) }},
	"blank folds":     {2000, func(n int) []byte { return with("X-Folded: a" + strings.Repeat("\r\n  ", n) + "\r\n b") }},
	"blanks":          {8000, func(n int) []byte { return with("X-Blank" + strings.Repeat(" ", n/2) + ":" + strings.Repeat(" ", n/2)) }},
	"Via values": {MaxVias - 1, func(n int) []byte {
		return with("Via: SIP/2.0/UDP h;branch=z9hG4bK1" + strings.Repeat(",SIP/2.0/UDP h;rport", n-1))
	}},
	"Via parameters": {2000, func(n int) []byte { return with("Via: SIP/2.0/UDP h" + strings.Repeat(";a=b", n)) }},
	"contacts":       {700, func(n int) []byte { return replaced("Contact", "Contact: <sip:a@h>"+strings.Repeat(",<sip:a@h>", n)) }},
	"commas":         {8000, func(n int) []byte { return replaced("Contact", "Contact: \""+strings.Repeat(",", n)+"\" <sip:a@h>") }},
	"quoted pairs":   {3500, func(n int) []byte { return replaced("From", `From: "`+strings.Repeat(`\"`, n)+`" <sip:a@h>;tag=1`) }},
	"To parameters":  {3500, func(n int) []byte { return replaced("To", "To: <sip:a@h>"+strings.Repeat(";a", n)) }},
	"URI user":       {8000, func(n int) []byte { return replaced("To", "To: <sip:"+strings.Repeat("a", n)+"@h>") }},
	"escapes":        {2500, func(n int) []byte { return replaced("To", "To: <sip:"+strings.Repeat("%41", n)+"@h>") }},
	"host":           {240, func(n int) []byte { return replaced("To", "To: <sip:"+strings.Repeat("a.", n/2)+"a>") }},
	"broken":         {8000, func(n int) []byte { return replaced("To", "To: <sip:a@h>;"+strings.Repeat(`"`, n)) }},
	"body":           {16000, func(n int) []byte { return message(inviteLines()[:8], strings.Repeat("b", n)) }},
	"no end":         {8000, func(n int) []byte { return []byte("INVITE " + strings.Repeat("x", n)) }},
	"empty lines":    {16000, func(n int) []byte { return []byte(strings.Repeat("\r\n", n/2) + string(with())) }},
}

// handle is what happens to every message: it is read, and answered or written.
func handle(m *Message, raw []byte) {
	_ = m.Parse(raw, Datagram)
	NewReplyHead(m, testSource)
	_, _ = m.AppendTo(nil)
}

// The time for a message of twice the size is at most 2.2 times as long: no sender can make us work out of proportion. The
// shortest of many runs counts, for a busy machine only ever adds to a time.
func TestParse_TwiceTheSize_TakesTwiceTheTime(t *testing.T) {
	const worst = 2.2
	for name, shape := range grown {
		t.Run(name, func(t *testing.T) {
			half, whole := shape.raw(shape.most/2), shape.raw(shape.most)
			short, long := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
			deadline := time.Now().Add(10 * time.Second)
			for round := 1; ; round++ {
				short, long = min(short, timed(half)), min(long, timed(whole))
				if round >= 10 && float64(long) <= worst*float64(short) {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("%d bytes take %v, %d bytes take %v", len(half), short, len(whole), long)
				}
			}
		})
	}
}

// timed runs handle often enough for the clock.
func timed(raw []byte) time.Duration {
	const times = 20
	var m Message
	handle(&m, raw)
	began := time.Now()
	for range times {
		handle(&m, raw)
	}
	return time.Since(began)
}
