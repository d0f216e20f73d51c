package sdp

import (
	"bytes"
	"strings"
	"testing"
)

var fuzzSeeds = []string{
	"v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendonly\r\n",
	"m=image 4000 udptl t38\nc=IN IP6 2001:db8::1\na=T38FaxVersion:0\na=T38FaxUdpEC:t38UDPRedundancy\n",
	"v=0\no=jo hn 9 9 IN IP4 h.example\ns= \nb=AS\nb=AS:64\nb=X-YZ:128\nb=QQ:1\nt=1\na=inactive\nm=video 9/2 UDP/TLS/RTP/SAVPF 96 97 96\nc=IN IP4 0.0.0.0\na=rtpmap:96 H264/90000\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\na=rtcp-fb:* nack\na=rtcp-fb:96 nack pli\na=rtcp:9 IN IP4 0.0.0.0\na=rtcp-mux\na=candidate:1 1 UDP 1 192.0.2.1 9 typ host\n",
	"v=0\r\nm=audio 1 RTP/AVP\r\nm=video 0 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n",
	"a=x\rm =audio 2 RTP/AVP 255 -1 zz\rc=IN IP4\ra=:v\ra=k :v\ra=k:\r",
	"v = 0\no=\nt=9 9\ns=x\nm=audio 5 RTP/AVP 10\na=maxptime:40.5\na=rtcp:4001\na=rtpmap:10 L16/44100/2\n",
}

// maxGrowth bounds the output: each of 16 lines may gain a direction, a c= and 24 static rtpmaps, each kept byte may
// appear in two lines at most.
func maxGrowth(in int) int { return 2*in + MaxMedia*1024 + 256 }

// checkStrict holds AppendTo to RFC 8866 §9: CRLF, known types in their order, no control bytes.
func checkStrict(t *testing.T, out []byte) {
	t.Helper()
	if !bytes.HasSuffix(out, []byte("\r\n")) {
		t.Fatalf("no final CRLF: %q", out)
	}
	order, media := "voscbta", false
	at := 0
	for i, line := range strings.Split(strings.TrimSuffix(string(out), "\r\n"), "\r\n") {
		if len(line) < 3 || line[1] != '=' || strings.ContainsAny(line, "\r\n\x00") {
			t.Fatalf("line %d: %q", i, line)
		}
		switch {
		case line[0] == 'm':
			media, order, at = true, "cba", 0
		case media:
			n := strings.IndexByte(order[at:], line[0])
			if n < 0 {
				t.Fatalf("line %d out of order: %q", i, line)
			}
			at += n
		default:
			n := strings.IndexByte(order[at:], line[0])
			if n < 0 {
				t.Fatalf("line %d out of order: %q", i, line)
			}
			at += n
		}
	}
}
