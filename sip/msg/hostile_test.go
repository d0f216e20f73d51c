package msg

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/sip/grammar"
)

func TestSecurity05_ResponseWithoutMandatoryHeaders_Refused(t *testing.T) {
	names := []string{"Via", "To", "From", "Call-ID", "CSeq"}
	for _, code := range []string{"100 Trying", "200 OK", "487 Request Terminated", "699 "} {
		for i, first := range names {
			for _, second := range names[i:] {
				head := inviteLines()
				head[0] = "SIP/2.0 " + code
				head = slices.DeleteFunc(head, func(l string) bool {
					return strings.HasPrefix(l, first+":") || strings.HasPrefix(l, second+":")
				})
				raw := message(head, "")
				for _, f := range []Framing{Datagram, Stream} {
					if wantCode(t, raw, f, 400) != nil {
						var m Message
						_ = m.Parse(raw, f)
						exercise(&m)
					}
				}
			}
		}
	}
}

// Every byte before the colon and within the name, of every header the message is handled by: it is that header, another
// one, or the message is refused; never is it that header to one reader and another to the next.
func TestSecurity10_EveryByteInEveryName_OneMeaningOrRefused(t *testing.T) {
	for _, line := range inviteLines()[1:] {
		name, value, _ := strings.Cut(line, ":")
		id := Identify(name)
		for c := range 256 {
			b := string([]byte{byte(c)})
			for _, odd := range []string{name + b, b + name, name[:1] + b + name[1:], name + " " + b, name + b + " "} {
				raw := []byte(strings.Replace(string(with()), "\r\n"+line, "\r\n"+odd+":"+value, 1))
				var m Message
				err := m.Parse(raw, Datagram)
				trimmed := strings.TrimRight(odd, " \t")
				switch {
				case trimmed == name: // blanks may stand before the colon
					if err != nil || m.Count(id) != 1 {
						t.Errorf("%q: %v", odd, err)
					}
				case c == ':': // the name ends there: what follows is its value
				case !grammar.IsToken(trimmed):
					if codeOf(t, err) != 400 {
						t.Errorf("%q: %v", odd, err)
					}
				case m.Count(id) != 0:
					t.Errorf("%q is taken for %s", odd, name)
				}
			}
		}
	}
}

// Of two headers that contradict each other the reply repeats the first, wherever the second stands and however it is
// written.
func TestSecurity14_ContradictingHeaders_ReplyRepeatsTheFirst(t *testing.T) {
	for name, value := range map[string]string{
		"From": "<sip:evil@example.net>;tag=evil", "To": "<sip:evil@example.net>;tag=evil", "Call-ID": "evil", "CSeq": "666 INVITE",
	} {
		kept := ""
		for _, line := range inviteLines() {
			if strings.HasPrefix(line, name+":") {
				kept = line
			}
		}
		short := map[string]string{"From": "f", "To": "t", "Call-ID": "i", "CSeq": "CSEQ"}[name]
		for _, spelling := range []string{name, strings.ToLower(name), strings.ToUpper(name), short, name + " \t"} {
			for at := slices.Index(inviteLines(), kept) + 1; at <= len(inviteLines()); at++ {
				raw := message(slices.Insert(inviteLines(), at, spelling+": "+value), "")
				e := wantCode(t, raw, Datagram, 400)
				if e == nil {
					continue
				}
				var m Message
				_ = m.Parse(raw, Datagram)
				out := string(replyTo(t, &m, e))
				if strings.Contains(out, "evil") || strings.Contains(out, "666") || !strings.Contains(out, "\r\n"+kept) || strings.Count(out, "\r\n"+name+": ") != 1 {
					t.Errorf("%s at %d:\n%s", spelling, at, out)
				}
			}
		}
	}
}

// A message is written whole up to the limit, and one byte more is an error: nothing is cut.
func TestSecurity19_AtTheLimit_WholeOrRefused(t *testing.T) {
	for _, extra := range []int{-1, 0, 1} {
		var b Builder
		b.Request("INVITE", "sip:a@h")
		base, err := b.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		// A Content-Type, and four digits of Content-Length more than the "0" of an empty body.
		n := MaxMessageBytes - len(base) - len("Content-Type: a/b\r\n") - 4 + extra
		b.Body("a/b", bytes.Repeat([]byte{'b'}, n))
		out, err := b.Bytes()
		if extra > 0 {
			if !errors.Is(err, ErrTooLarge) || out != nil {
				t.Errorf("Builder, %d beyond: %d bytes, %v", extra, len(out), err)
			}
		} else if err != nil || len(out) != MaxMessageBytes+extra || bytes.Count(out, []byte{'b'}) < n {
			t.Errorf("Builder, %d: %d bytes, %v", extra, len(out), err)
		}

		body := strings.Repeat("b", 60000)
		m := mustParse(t, message(append(inviteLines()[:8], fmt.Sprintf("Content-Length: %d", len(body))), body))
		short := MaxMessageBytes - len(m.Raw()) + extra
		m.Set("X-A", strings.Repeat("x", short-len("X-A: \r\n")))
		out, err = m.AppendTo([]byte("kept"))
		if extra > 0 {
			if !errors.Is(err, ErrTooLarge) || string(out) != "kept" {
				t.Errorf("AppendTo, %d beyond: %d bytes, %v", extra, len(out), err)
			}
		} else if err != nil || len(out) != len("kept")+MaxMessageBytes+extra || !bytes.HasSuffix(out, []byte(body)) {
			t.Errorf("AppendTo, %d: %d bytes, %v", extra, len(out), err)
		}
	}
}
