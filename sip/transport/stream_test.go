package transport_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"gatehouse/sip/transport"
)

const (
	viaTCP = "TCP 198.51.100.7;branch=z9hG4bK1"
	viaUDP = "UDP 198.51.100.7:5070;rport;branch=z9hG4bK1"
)

func TestB023_Stream_SeveralMessagesPerSegmentAndCRLF_AllArriveInOrder(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		c := l.dial("198.51.100.7")
		var stream strings.Builder
		for i := range 5 {
			stream.WriteString("\r\n" + request("MESSAGE", viaTCP, fmt.Sprintf("body %d\r\n\r\n", i)))
		}
		text := stream.String()
		say(t, c, text[:len(text)/2])
		say(t, c, text[len(text)/2:])
		got := l.core.messages()
		if len(got) != 5 {
			t.Fatalf("%d messages", len(got))
		}
		for i, m := range got {
			if want := fmt.Sprintf("body %d\r\n\r\n", i); m.body != want {
				t.Errorf("message %d has body %q", i, m.body)
			}
		}
	})
}

// badLengths are the ways to lie about a body's size, with what the lie deserves on a stream.
func badLengths() map[string]string {
	return map[string]string{
		" +5": "400", " -1": "400", " 0x5": "400", " 5,5": "400", "": "400", " 5;a": "400", " 5 5": "400", " five": "400",
		" 5\r\nContent-Length: 5": "400", " 5\r\nl: 0": "400",
		" 2147483647": "513", " 2147483648": "513", " 4294967296": "513", " 4294967301": "513",
		" 18446744073709551616": "513", " 18446744073709551621": "513",
	}
}

func TestB023_Stream_BadContentLength_AnsweredAndClosedNothingSmuggled(t *testing.T) {
	lies := badLengths()
	for value, code := range lies {
		t.Run(value, func(t *testing.T) {
			inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
				c := l.dial("198.51.100.7")
				smuggled := request("INVITE", viaTCP, "")
				say(t, c, withLength(request("OPTIONS", viaTCP, "hello"+smuggled), value))
				got, over := hear(t, c)
				if !strings.HasPrefix(got, "SIP/2.0 "+code+" ") || strings.Count(got, "SIP/2.0 ") != 1+strings.Count(got, "Via: SIP/2.0 ") {
					t.Errorf("answer %q, want one %s", got, code)
				}
				if header(got, "Call-ID") != "c1" || !strings.Contains(header(got, "To"), ";tag=") {
					t.Errorf("the answer does not say to what: %q", got)
				}
				if !over {
					t.Error("the connection stays open")
				}
				if n := len(l.core.messages()); n != 0 {
					t.Errorf("%d messages were handed over", n)
				}
			})
		})
	}
}

func TestB023_Stream_MissingContentLength_400AndClose(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		c := l.dial("198.51.100.7")
		say(t, c, without(request("OPTIONS", viaTCP, ""), "Content-Length")+request("INVITE", viaTCP, ""))
		got, over := hear(t, c)
		if firstLine(got) != "SIP/2.0 400 Missing Content-Length" || !over || len(l.core.messages()) != 0 {
			t.Errorf("answer %q, closed %v, %d messages", firstLine(got), over, len(l.core.messages()))
		}
	})
}

func TestB023_Stream_BadLengthOfResponse_ClosedWithoutAnswer(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		c := l.dial("198.51.100.7")
		_, fields, _ := strings.Cut(withLength(request("OPTIONS", viaTCP, ""), " +0"), "\r\n")
		say(t, c, "SIP/2.0 200 OK\r\n"+fields)
		if got, over := hear(t, c); got != "" || !over || len(l.core.messages()) != 0 {
			t.Errorf("answer %q, closed %v", got, over)
		}
		if l.drops(transport.CauseResponse) != 1 {
			t.Error("not counted")
		}
	})
}

func TestB023_Stream_Over64KB_513ReachesThePeerBeforeTheClose(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		for name, text := range map[string]string{
			"body": request("MESSAGE", viaTCP, strings.Repeat("b", 80_000)),
			"head": strings.Replace(request("MESSAGE", viaTCP, ""), "User-Agent:", "X: "+strings.Repeat("x", 1_000_000)+"\r\nUser-Agent:", 1),
		} {
			c := l.dial("198.51.100.7")
			say(t, c, text)
			got, over := hear(t, c)
			if !strings.HasPrefix(got, "SIP/2.0 513 ") || !over {
				t.Errorf("%s: answer %q, closed %v", name, firstLine(got), over)
			}
		}
	})
}

func TestB023_Stream_MalformedButFramed_AnsweredAndConnectionKept(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		l.core.answerOK(t, l.stack)
		c := l.dial("198.51.100.7")
		say(t, c, without(request("OPTIONS", viaTCP, "body"), "From")+request("OPTIONS", viaTCP, ""))
		got, over := hear(t, c)
		if !strings.HasPrefix(got, "SIP/2.0 400 ") || !strings.Contains(got, "SIP/2.0 200 OK") || over {
			t.Fatalf("answers %q, closed %v", got, over)
		}
		for range 20 {
			if _, err := c.Write([]byte(without(request("OPTIONS", viaTCP, ""), "From"))); err != nil {
				break
			}
		}
		if _, over := hear(t, c); !over || l.drops(transport.CauseMalformedLimit) != 1 {
			t.Error("a peer that sends nothing else is not cut off")
		}
	})
}

func TestB023_Datagram_ExcessDroppedShortRefused(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		c := l.socket("198.51.100.7:5070")
		smuggled := request("INVITE", viaUDP, "")
		send(t, c, withLength(request("MESSAGE", viaUDP, "hello"+smuggled), " 5"))
		got := l.core.messages()
		if len(got) != 1 || got[0].body != "hello" {
			t.Fatalf("excess octets: %+v", got)
		}
		send(t, c, without(request("MESSAGE", viaUDP, "all of it"), "Content-Length"))
		if got = l.core.messages(); len(got) != 2 || got[1].body != "all of it" {
			t.Errorf("no Content-Length: %+v", got[1:])
		}
		send(t, c, withLength(request("MESSAGE", viaUDP, "hello"), " 6"))
		if text, _ := receive(t, c); !strings.HasPrefix(text, "SIP/2.0 400 ") {
			t.Errorf("short body: answer %q", text)
		}
		_, fields, _ := strings.Cut(withLength(request("MESSAGE", viaUDP, "hello"), " 6"), "\r\n")
		send(t, c, "SIP/2.0 200 OK\r\n"+fields)
		if text, _ := receive(t, c); text != "" || len(l.core.messages()) != 2 {
			t.Errorf("short response: answer %q, %d messages", text, len(l.core.messages()))
		}
	})
}

// CVE-2023-28097 and its kin: what is a lie on a stream is a lie in a datagram.
func TestSecurity02_Datagram_BadContentLength_400NothingSmuggled(t *testing.T) {
	for value := range badLengths() {
		t.Run(value, func(t *testing.T) {
			inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
				c := l.socket("198.51.100.7:5070")
				send(t, c, withLength(request("OPTIONS", viaUDP, "hello"+request("INVITE", viaUDP, "")), value))
				text, _ := receive(t, c)
				if !strings.HasPrefix(text, "SIP/2.0 4") && !strings.HasPrefix(text, "SIP/2.0 513 ") {
					t.Errorf("answer %q", firstLine(text))
				}
				if n := len(l.core.messages()); n != 0 {
					t.Errorf("%d messages were handed over", n)
				}
			})
		})
	}
}

// sipgo a7be60a: memory by claimed length. 200 connections claim 2 GB or 60 KB each, and the heap does not notice.
func TestSecurity03_Stream_ClaimedLength_CostsNoMemory(t *testing.T) {
	for _, claim := range []string{" 2147483647", " 60000"} {
		inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
			const conns = 200
			text := withLength(request("OPTIONS", viaTCP, "x"), claim)
			before := heap()
			for i := range conns {
				c := l.dial(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}).String())
				say(t, c, text)
			}
			// 16 KB each: buffers, stacks and the test's own end of the connection.
			if grown := int64(heap()) - int64(before); grown > conns*(16<<10) {
				t.Errorf("claim%s: %d connections hold %d bytes", claim, conns, grown)
			}
			if n := len(l.core.messages()); n != 0 {
				t.Errorf("%d messages were handed over", n)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

func TestKeepAlive_DoubleCRLF_AnsweredByCRLF(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		c := l.dial("198.51.100.7")
		say(t, c, "\r\n")
		if got, _ := hear(t, c); got != "" {
			t.Errorf("one CRLF was answered: %q", got)
		}
		say(t, c, "\r\n")
		if got, _ := hear(t, c); got != "\r\n" {
			t.Errorf("pong %q", got)
		}
		say(t, c, request("OPTIONS", viaTCP, "")+"\r\n\r\n"+request("OPTIONS", viaTCP, ""))
		if got, _ := hear(t, c); got != "\r\n" || len(l.core.messages()) != 2 {
			t.Errorf("between messages: %q, %d messages", got, len(l.core.messages()))
		}
		// A flood of pings is one read, hence one pong: no amplification in packets or queues.
		say(t, c, strings.Repeat("\r\n", 500))
		if got, _ := hear(t, c); got != "\r\n" {
			t.Errorf("500 line ends were answered by %q", got)
		}
	})
}

func TestKeepAlive_Datagram_Ignored(t *testing.T) {
	inLab(t, transport.Options{}, func(t *testing.T, l *lab) {
		c := l.socket("198.51.100.7:5070")
		for _, text := range []string{"\r\n\r\n", "\r\n", ""} {
			send(t, c, text)
		}
		if got, _ := receive(t, c); got != "" || l.drops(transport.CauseKeepAlive) != 3 || len(l.core.messages()) != 0 {
			t.Errorf("answer %q, drops %v", got, l.stack.Stats().Drops)
		}
	})
}
