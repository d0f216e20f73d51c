package app

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// logged closes the site, which writes out its log, and gives the log.
func (s *site) logged(t *testing.T) string {
	t.Helper()
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s.log.String()
}

// reloadAt reloads with another log level.
func (s *site) reloadAt(t *testing.T, level string) {
	t.Helper()
	s.set(strings.Replace(s.text, "log: {level: "+s.cfg.Load().Log.Level+"}", "log: {level: "+level+"}", 1))
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := s.cfg.Load().Log.Level; got != level {
		t.Fatalf("level %s after the reload", got)
	}
}

func TestReload_LogLevel_ChangesLoggersHandedOutBefore(t *testing.T) {
	s := open(t)
	handedOut := map[string]zerolog.Logger{"call": s.App.log.With().Str("call", "c1").Logger(), "noise": s.noise()}
	say := func(when string) {
		for name, l := range handedOut {
			l.Debug().Msg(name + " debug " + when)
			l.Warn().Msg(name + " warn " + when)
			l.Error().Msg(name + " error " + when)
		}
	}
	say("at debug")
	s.reloadAt(t, "error")
	say("at error")
	s.reloadAt(t, "debug")
	say("again")
	log := s.logged(t)
	for name := range handedOut {
		for _, want := range []string{" debug at debug", " warn at debug", " error at debug", " error at error", " error again"} {
			if name == "noise" && strings.HasSuffix(want, "again") {
				continue // the burst is used up
			}
			if !strings.Contains(log, `"`+name+want+`"`) {
				t.Errorf("not logged: %s%s", name, want)
			}
		}
		for _, not := range []string{" debug at error", " warn at error"} {
			if strings.Contains(log, name+not) {
				t.Errorf("logged: %s%s", name, not)
			}
		}
	}
	if !strings.Contains(log, `"call debug again"`) {
		t.Error("the level was lowered, and debug is not logged")
	}
}

func TestLog_DisabledDebug_Allocs(t *testing.T) {
	s := open(t)
	s.reloadAt(t, "info")
	call, noise := s.App.log.With().Str("call", "c1").Logger(), s.noise()
	for name, l := range map[string]*zerolog.Logger{"app": &s.App.log, "call": &call, "noise": &noise} {
		if n := testing.AllocsPerRun(1000, func() { l.Debug().Str("src", "x").Int("code", 400).Msg("not wanted") }); n != 0 {
			t.Errorf("%s: %v allocations for a line that is not logged", name, n)
		}
	}
}

// ask sends OPTIONS and waits for the answer.
func ask(t *testing.T, c net.Conn) {
	t.Helper()
	_, err := fmt.Fprintf(c, "OPTIONS sip:a@%s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKa\r\nMax-Forwards: 70\r\nFrom: <sip:b@x>;tag=1\r\n"+
		"To: <sip:a@x>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", c.RemoteAddr())
	if err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 2048)
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(answer); err != nil || !bytes.HasPrefix(answer[:n], []byte("SIP/2.0 ")) {
		t.Fatalf("answer %q, %v", answer[:n], err)
	}
}

// A flood of malformed messages must leave a few lines at debug and none at info.
func TestLog_FloodOfMalformedMessages_IsSampled(t *testing.T) {
	const flood = 200
	for level, most := range map[string]int{"debug": flood / 10, "info": 0} {
		t.Run(level, func(t *testing.T) {
			s := open(t)
			if level != "debug" {
				s.reloadAt(t, level)
			}
			c, err := net.Dial("udp", s.plan.Inside.String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for range flood {
				if _, err := c.Write([]byte("BYE sip:a SIP/2.0\r\nSubject: \x1b[31m\u202e\r\n\r\n")); err != nil {
					t.Fatal(err)
				}
			}
			// One goroutine reads the socket, in order: once this is answered the flood has been handled.
			ask(t, c)
			lines := strings.Count(s.logged(t), `"malformed message"`)
			if lines > most || (lines == 0) != (most == 0) {
				t.Errorf("%d lines of %d messages", lines, flood)
			}
		})
	}
}

func TestLog_TextFromTheWire_ActsOnNoTerminal(t *testing.T) {
	s := open(t)
	s.App.log.Warn().Str("cause", "\x1b[2J\u202egpj.exe\u009b31m\u0000").Msg("hostile")
	log := s.logged(t)
	if !strings.Contains(log, `\u001b[2J\u202egpj.exe\u009b31m\u0000`) || strings.ContainsAny(log, "\x1b\u202e\u009b\x00") {
		t.Errorf("log:\n%q", log)
	}
}
