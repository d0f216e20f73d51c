package mime

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/sip/msg"
)

func wantBytes(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if string(got) != want {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}

func TestParts_SingleBody_IsOnePart(t *testing.T) {
	parts, err := Parts([]byte(" Application/SDP; x=y "), []byte("v=0\r\n"))
	if err != nil || len(parts) != 1 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	p := parts[0]
	if !p.Is("application/sdp") || p.Is("application/sd") || !p.Required || p.DispositionType() != "session" || string(p.Body) != "v=0\r\n" {
		t.Errorf("part %+v", p)
	}
	if parts, err = Parts(nil, nil); err != nil || len(parts) != 1 {
		t.Errorf("no type: %d parts, %v", len(parts), err)
	}
}

func TestB088_NestedMultipart_FlattensToLeaves(t *testing.T) {
	body := "preamble --b1 \r\n" +
		"--b1\r\nContent-Type: application/sdp\r\ncontent-disposition: session;handling=required\r\n\r\nv=0\r\n\r\n" +
		"--b1 \t\r\nContent-Type: application/isup;version=x\r\nContent-Disposition: signal ; Handling = Optional\r\nContent-ID: <1@x>\r\n\r\n\x00\r\n--b1x\r\n\x7f\r\n" +
		"--b1\r\nContent-Type: multipart/alternative;\r\n boundary=\"b1 in\"\r\n\r\n--b1 in\r\n\r\nplain\r\n--b1 in\r\nc: a/b\r\n\r\n\r\n--b1 in--\r\n\r\n" +
		"--b1--\r\nepilogue --b1\r\n--b1\r\n\r\nnot a part\r\n--b1--"
	parts, err := Parts([]byte(`multipart/MIXED; Boundary="b1"; x=y`), []byte(body))
	if err != nil || len(parts) != 4 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	wantBytes(t, "sdp", parts[0].Body, "v=0\r\n")
	if !parts[0].Is("application/sdp") || !parts[0].Required || parts[0].DispositionType() != "session" {
		t.Errorf("first part %+v", parts[0])
	}
	wantBytes(t, "isup", parts[1].Body, "\x00\r\n--b1x\r\n\x7f")
	wantBytes(t, "content-id", parts[1].ContentID, "<1@x>")
	if !parts[1].Is("application/isup") || parts[1].Required || parts[1].DispositionType() != "signal" {
		t.Errorf("second part %+v", parts[1])
	}
	wantBytes(t, "plain", parts[2].Body, "plain")
	if !parts[2].Is("text/plain") || parts[2].DispositionType() != "render" {
		t.Errorf("third part %+v", parts[2])
	}
	if !parts[3].Is("a/b") || len(parts[3].Body) != 0 {
		t.Errorf("fourth part %+v", parts[3])
	}
}

func TestB088_Handling_OfMultipartAroundCounts(t *testing.T) {
	wrap := func(kind, disposition, parts string) string {
		return "--" + kind + "\r\nContent-Type: multipart/" + kind + ";boundary=" + kind + "x\r\nContent-Disposition: render;handling=" + disposition +
			"\r\n\r\n" + strings.ReplaceAll(parts, "--b", "--"+kind+"x") + "--" + kind + "x--\r\n--" + kind + "--"
	}
	two := "--b\r\nContent-Type: a/b\r\nContent-Disposition: x;handling=optional\r\n\r\n\r\n--b\r\nContent-Type: a/c\r\n\r\n\r\n"
	for _, c := range []struct {
		kind, handling string
		want           [2]bool
		alternative    int
	}{
		{"mixed", "required", [2]bool{false, true}, 0}, {"mixed", "optional", [2]bool{false, false}, 0},
		{"alternative", "required", [2]bool{true, true}, 1}, {"alternative", "optional", [2]bool{false, false}, 1},
	} {
		parts, err := Parts([]byte("multipart/mixed;boundary="+c.kind), []byte(wrap(c.kind, c.handling, two)))
		if err != nil || len(parts) != 2 {
			t.Fatalf("%s: %d parts, %v", c.kind, len(parts), err)
		}
		for i, p := range parts {
			if p.Required != c.want[i] || p.Alternative != c.alternative {
				t.Errorf("%s %s: part %d is required: %v, alternative %d", c.kind, c.handling, i, p.Required, p.Alternative)
			}
		}
	}
}

func TestParts_TortureMessage_FindsBoth(t *testing.T) {
	raw, err := os.ReadFile("../msg/testdata/rfc4475/mpart01.dat")
	if err != nil {
		t.Fatal(err)
	}
	var m msg.Message
	if err := m.Parse(raw, msg.Datagram); err != nil {
		t.Fatal(err)
	}
	ct, _ := m.Get(msg.HeaderContentType)
	parts, err := Parts(ct, m.Body())
	if err != nil || len(parts) != 2 || !parts[0].Is("text/plain") || string(parts[0].Body) != "Hello" {
		t.Errorf("%v %+v", err, parts)
	}
}

// nested wraps a part in multipart bodies.
func nested(depth int) (contentType, body string) {
	contentType, body = "text/plain", "x"
	for i := range depth {
		b := fmt.Sprintf("b%d", i)
		body = "--" + b + "\r\nContent-Type: " + contentType + "\r\n\r\n" + body + "\r\n--" + b + "--\r\n"
		contentType = "multipart/mixed;boundary=" + b
	}
	return contentType, body
}

func TestSecurity17_HostileMultipart_RefusedFast(t *testing.T) {
	part := "--b\r\n\r\nx\r\n"
	deep, deepBody := nested(100)
	nine, nineBody := nested(MaxDepth + 1)
	start := time.Now()
	for name, c := range map[string][2]string{
		"no boundary":         {"multipart/mixed", part + "--b--"},
		"no value":            {"multipart/mixed;boundary", part + "--b--"},
		"empty":               {"multipart/mixed;boundary=", part + "--b--"},
		"empty quoted":        {`multipart/mixed;boundary=""`, "--\r\n\r\nx\r\n----"},
		"unterminated":        {`multipart/mixed;boundary="b`, part + "--b--"},
		"71 bytes":            {"multipart/mixed;boundary=" + strings.Repeat("b", 71), strings.ReplaceAll(part+"--b--", "b", strings.Repeat("b", 71))},
		"longer than body":    {"multipart/mixed;boundary=" + strings.Repeat("b", 70), "--b"},
		"not in body":         {"multipart/mixed;boundary=c", part + "--b--"},
		"no closing":          {"multipart/mixed;boundary=b", part + part},
		"closing without LF":  {"multipart/mixed;boundary=b", part + "--b--x"},
		"delimiter at end":    {"multipart/mixed;boundary=b", part + "--b"},
		"delimiter in line":   {"multipart/mixed;boundary=b", "x--b\r\n\r\nx--b--"},
		"empty body":          {"multipart/mixed;boundary=b", ""},
		"10k parts":           {"multipart/mixed;boundary=b", strings.Repeat(part, 10000) + "--b--"},
		"17 parts":            {"multipart/mixed;boundary=b", strings.Repeat(part, MaxParts+1) + "--b--"},
		"100 deep":            {deep, deepBody},
		"one too deep":        {nine, nineBody},
		"false starts":        {"multipart/mixed;boundary=b", strings.Repeat("\r\n--bx", 10000)},
		"part header":         {"multipart/mixed;boundary=b", "--b\r\nno colon\r\n\r\nx\r\n--b--"},
		"part header name":    {"multipart/mixed;boundary=b", "--b\r\nA B: c\r\n\r\nx\r\n--b--"},
		"part header control": {"multipart/mixed;boundary=b", "--b\r\nA: \x00\r\n\r\nx\r\n--b--"},
		"two types":           {"multipart/mixed;boundary=b", "--b\r\nc: a/b\r\nContent-Type: a/c\r\n\r\nx\r\n--b--"},
		"empty type":          {"multipart/mixed;boundary=b", "--b\r\nc: ;x\r\n\r\nx\r\n--b--"},
		"inner boundary":      {"multipart/mixed;boundary=b", "--b\r\nc: multipart/x\r\n\r\nx\r\n--b--"},
	} {
		if parts, err := Parts([]byte(c[0]), []byte(c[1])); err == nil {
			t.Errorf("%s: %d parts", name, len(parts))
		}
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("took %v", d)
	}
	if parts, err := Parts([]byte("multipart/mixed;boundary=b"), []byte(strings.Repeat(part, MaxParts)+"--b--")); err != nil || len(parts) != MaxParts {
		t.Errorf("%d parts of %d, %v", len(parts), MaxParts, err)
	}
	eight, eightBody := nested(MaxDepth)
	if parts, err := Parts([]byte(eight), []byte(eightBody)); err != nil || len(parts) != 1 {
		t.Errorf("%d levels: %d parts, %v", MaxDepth, len(parts), err)
	}
}

func TestSecurity18_ZeroParts_RefusedAndBytesUntouched(t *testing.T) {
	for _, body := range []string{"--b--\r\n", "--b--", "x\r\n--b--\r\n"} {
		if parts, err := Parts([]byte("multipart/mixed;boundary=b"), []byte(body)); err == nil {
			t.Errorf("%q: %d parts", body, len(parts))
		}
		raw := fmt.Appendf(nil, "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n"+
			"Call-ID: 1\r\nCSeq: 1 INVITE\r\nc: multipart/mixed;boundary=b\r\nl: %d\r\n\r\n%s", len(body), body)
		var m msg.Message
		if err := m.Parse(append(bytes.Clone(raw), "leak"...), msg.Datagram); err != nil {
			t.Fatalf("parse %q: %v", raw, err)
		}
		out, err := m.AppendTo(nil)
		if err != nil || !bytes.Equal(out, raw) {
			t.Errorf("written %q, %v", out, err)
		}
	}
}

// A part is limited as the head of a message is, and its header names are read in every spelling.
func TestParts_PartHeader_NamesAndLimits(t *testing.T) {
	const open, end = "--b\r\n", "\r\n\r\nx\r\n--b--"
	read := func(head string) ([]Part, error) {
		return Parts([]byte("multipart/mixed;boundary=b"), []byte(open+head+end))
	}
	for _, name := range []string{"Content-Type", "CONTENT-TYPE", "c", "C", "c \t"} {
		parts, err := read(name + ": application/\r\n\tx")
		if err != nil || !parts[0].Is("application/ x") {
			t.Errorf("%q: %v %+v", name, err, parts)
		}
	}
	for _, name := range []string{"Content-Typ", "Content-Type-", "cc", "k"} {
		if parts, err := read(name + ": application/x"); err != nil || parts[0].ContentType != nil {
			t.Errorf("%q: %v %+v", name, err, parts)
		}
	}
	fits := "X: " + strings.Repeat("x", MaxPartHeaderBytes-len("X: \r\n"))
	if _, err := read(fits); err != nil {
		t.Errorf("header of %d bytes: %v", MaxPartHeaderBytes, err)
	}
	if _, err := read(fits + "x"); err == nil {
		t.Error("longer header accepted")
	}
	many := strings.Repeat("X: y\r\n", MaxPartHeaders-1) + "X: y"
	if _, err := read(many); err != nil {
		t.Errorf("%d headers: %v", MaxPartHeaders, err)
	}
	if _, err := read(many + "\r\nX: y"); err == nil {
		t.Error("more headers accepted")
	}
}
