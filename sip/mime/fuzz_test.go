package mime

import (
	"bytes"
	"testing"

	"gatehouse/sip/grammar"
)

func FuzzParts(f *testing.F) {
	f.Add([]byte("multipart/mixed;boundary=b"), []byte("--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n"))
	ct, body := nested(3)
	f.Add([]byte(ct), []byte(body))
	f.Add([]byte(`multipart/mixed;boundary="b c"`), []byte("--b c\n\n--b c--"))
	f.Fuzz(func(t *testing.T, contentType, body []byte) {
		parts, err := Parts(contentType, body)
		if err != nil {
			return
		}
		if len(parts) == 0 || len(parts) > MaxParts {
			t.Fatalf("%d parts", len(parts))
		}
		if !isMultipart(grammar.Trim(contentType)) {
			return
		}
		const d = "fuzz0123456789boundary"
		if bytes.Contains(body, []byte(d)) {
			return
		}
		var text []byte
		for _, p := range parts {
			_ = p.DispositionType()
			text = append(text, "--"+d+"\r\nX: y\r\n\r\n"...)
			text = append(append(text, p.Body...), "\r\n"...)
		}
		again, err := Parts([]byte("multipart/mixed;boundary="+d), append(text, "--"+d+"--"...))
		if err != nil || len(again) != len(parts) {
			t.Fatalf("%d parts became %d: %v", len(parts), len(again), err)
		}
		for i := range again {
			if !bytes.Equal(again[i].Body, parts[i].Body) {
				t.Fatalf("body %q became %q", parts[i].Body, again[i].Body)
			}
		}
	})
}
