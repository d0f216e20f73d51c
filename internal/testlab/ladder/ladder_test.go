package ladder

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"gatehouse/internal/testlab/memnet"
	"gatehouse/sip/transport"
)

func setupEcho(t *testing.T, n transport.Net, s *Script) { startEcho(t, n, s.Config) }

func TestRun_EchoScript_Passes(t *testing.T) {
	RunAll(t, "testdata/*.txt", setupEcho)
}

const options = `peer A 10.0.0.20:5060 -> 10.0.0.1:5060
peer B 203.0.113.20:5060 -> 203.0.113.10:5060
A> OPTIONS sip:10.0.0.1 SIP/2.0
A> Via: SIP/2.0/UDP ${local};branch=${branch}
A> To: <sip:10.0.0.1>
A> CSeq: 1 OPTIONS
`

// request is the message of options, without the peer lines.
var request = options[strings.Index(options, "A> "):]

// play runs a script against the echo in a bubble and gives its error.
func play(t *testing.T, file, text string, update bool) error {
	t.Helper()
	s, err := Parse(file, []byte(text))
	if err != nil {
		return err
	}
	err = errors.New("the script did not run")
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		startEcho(t, n.Host(), s.Config)
		err = s.play(n.Host(), synctest.Wait, update)
	})
	return err
}

func TestPlay_SystemDiffersFromScript_Fails(t *testing.T) {
	rows := []struct{ what, text, want string }{
		{"other start line", options + "<A SIP/2.0 404 Not Found\n<A ...", `got "SIP/2.0 200 OK"`},
		{"other value", options + "<A SIP/2.0 200 OK\n<A CSeq: 2 OPTIONS\n<A ...", `got "CSeq: 1 OPTIONS"`},
		{"missing header", options + "<A SIP/2.0 200 OK\n<A Reason: x\n<A ...", `no line like "Reason: x"`},
		{"unwanted header", options + "<A SIP/2.0 200 OK\n<A !m\n<A ...", `"Contact: <sip:10.0.0.1:5060>" should not be there`},
		{"same line twice", options + "<A SIP/2.0 200 OK\n<A CSeq: 1 OPTIONS\n<A CSeq: 1 OPTIONS\n<A ...", "no line like"},
		{"whole block too short", options + "<A SIP/2.0 200 OK", `"Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK-A-1" was not expected`},
		{"body absent", options + "<A SIP/2.0 200 OK\n<A ...\n<A\n<A v=0", "there is no body"},
		{"wildcard kind", options + "<A SIP/2.0 200 OK\n<A To: <sip:10.0.0.1>;tag=${x:num}\n<A ...", "got"},
		{"captured value differs", "set x y\n" + options + "<A SIP/2.0 200 OK\n<A To: <sip:10.0.0.1>;tag=${x:token}\n<A ...", ";tag=y"},
		{"same name in another order", strings.Replace(options, "A> To", "A> Via: SIP/2.0/UDP second\nA> To", 1) +
			"<A ...\n<A Via: SIP/2.0/UDP second\n<A Via: SIP/2.0/UDP 10.0.0.20:5060;${*}", "no line like"},
		{"another source", strings.Replace(options, "OPTIONS sip", "ASKEW sip", 1) + "<A ...", "from 203.0.113.10:5060, not 10.0.0.1:5060"},
		{"same wildcard twice", options + "<A SIP/2.0 200 OK\n<A CSeq: ${x:word} ${x}\n<A ...", `got "CSeq: 1 OPTIONS"`},
		{"unset wildcard", options + "<A ${x}\n<A ...", "neither captured"},
		{"message nobody expected", options, "a message nobody expected"},
		{"message in a quiet time", strings.Replace(options, "OPTIONS sip", "SLOW sip", 1) + "quiet 999ms\nquiet B 2s\nquiet A 1ms", ":9: A received a message nobody expected"},
		{"nothing comes", options + "<A ...\n<B ...", "B received nothing within 5s"},
		{"too late", strings.Replace(options, "OPTIONS sip", "SLOW sip", 1) + "timeout 900ms\n<A ...", "A received nothing within 900ms"},
		{"no repeat", options + "<A ...\n" + request + "again A", "received no repeat"},
		{"leak", "forbid A 10.0.0.1\n" + options + "<A ...", "what it must not see"},
		{"unset variable", options + "<A ...\nA> ACK ${nobody} SIP/2.0", "${nobody} is not set"},
		{"nothing received", "peer A 1.1.1.1:5060 -> 2.2.2.2:5060\nA> ${last Via}", "no such message yet"},
		{"no such header", options + "<A ...\nA> ACK sip:x SIP/2.0\nA> ${last Event}", "has no Event"},
		{"bad hex", options + "<A ...\nA> ACK ${hex 0} SIP/2.0", "hex"},
		{"resend nothing", "peer A 1.1.1.1:5060 -> 2.2.2.2:5060\nresend A", "sent nothing"},
	}
	for _, r := range rows {
		t.Run(r.what, func(t *testing.T) {
			err := play(t, "script.txt", r.text, false)
			if err == nil || !strings.Contains(err.Error(), r.want) {
				t.Errorf("got %v\nwant %q", err, r.want)
			}
		})
	}
}

func TestPlay_RepeatsIgnored_DropsThem(t *testing.T) {
	twice := strings.Replace(options, "OPTIONS sip", "TWICE sip", 1) + "<A ...\n"
	if err := play(t, "s", twice+"repeats ignore\nquiet 1s", false); err != nil {
		t.Error(err)
	}
	if err := play(t, "s", twice+"quiet 1s", false); err == nil {
		t.Error("the repeat went unnoticed")
	}
}

func TestPlay_Update_RewritesWhatDiffersOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "script.txt")
	text := strings.ReplaceAll(options, "OPTIONS", "INVITE") + `<A
# kept
` + request + `<A SIP/2.0 200 OK
<A ...
` + request + `<A SIP/2.0 500 Wrong
quiet 1s
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := play(t, file, text, true); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(options, "OPTIONS", "INVITE") + `<A SIP/2.0 200 OK
<A Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK-A-1
<A To: <sip:10.0.0.1>;tag=${token1:token}
<A CSeq: 1 INVITE
<A Contact: <sip:10.0.0.1:5060>
<A Content-Type: application/sdp
<A Content-Length: ${len1:num}
<A
<A v=0
<A o=- ${sess1:num} ${ver1:num} IN IP4 10.0.0.1
<A s=-
<A c=IN IP4 10.0.0.1
<A t=0 0
<A m=audio ${port1:port} RTP/AVP 0
# kept
` + request + `<A SIP/2.0 200 OK
<A ...
` + request + `<A SIP/2.0 200 OK
<A Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK-A-3
<A To: <sip:10.0.0.1>;tag=${token2:token}
<A CSeq: 1 OPTIONS
<A Contact: <sip:10.0.0.1:5060>
<A Content-Length: 0
quiet 1s
`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := play(t, file, string(got), false); err != nil {
		t.Errorf("the updated script fails: %v", err)
	}
}

func TestParse_BadScript_NamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"peer":                          "s:1: peer without a name",
		"peer a 1.1.1.1:1 -> 2.2.2.2:2": "bad peer line",
		"peer A 1.1.1.1 -> 2.2.2.2:2":   "peer A:",
		"peer A 1.1.1.1:1 -> 2.2.2.2":   "peer A:",
		"\nA> OPTIONS sip:x SIP/2.0":    "s:2: peer A is not declared",
		"again A":                       "peer A is not declared",
		"dance":                         `"dance" is no directive`,
		"wait":                          "want: wait DURATION",
		"wait soon":                     "invalid duration",
		"quiet":                         "want: quiet [PEER] DURATION",
		"set x":                         "want: set NAME VALUE",
		"forbid A":                      "want: forbid PEER VALUE",
		"forbid A t7":                   "chance puts it into a token",
		"repeats":                       "want: repeats ignore",
		"resend":                        "want: resend PEER",
		"peer A 1.1.1.1:1 -> 2.2.2.2:2\n" + "peer A 1.1.1.1:1 -> 2.2.2.2:2": "s:2: peer A is declared twice",
	} {
		if _, err := Parse("s", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestParse_MessagesWithoutBlankLine_SplitAtStartLine(t *testing.T) {
	s, err := Parse("s", []byte("peer A 1.1.1.1:1 -> 2.2.2.2:2\n<A SIP/2.0 100 Trying\n<A ...\n<A BYE sip:x SIP/2.0\n<A ...\n<A\n<A SIP/2.0 200 OK"))
	if err != nil || len(s.steps) != 2 || len(s.steps[1].text) != 4 {
		t.Errorf("%v, steps %+v", err, s.steps)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(options))
	f.Add([]byte("| x\npeer A tcp [::1]:1 -> [::1]:2\n<A\nquiet A 1s"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse("f", b)
		if (s == nil) == (err == nil) {
			t.Fatalf("script %v, error %v", s, err)
		}
	})
}

func FuzzMatchLine(f *testing.F) {
	f.Add("a${x:num}b${*}", "a1b2")
	f.Add("${x:token}${x}", "x")
	f.Fuzz(func(t *testing.T, pattern, line string) {
		vars := map[string]string{}
		ok, _ := matchLine(pattern, line, vars)
		if !ok && len(vars) > 0 {
			t.Fatal("a line that did not match captured something")
		}
	})
}
