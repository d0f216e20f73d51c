package crossing

import (
	"strings"
	"testing"

	"gatehouse/sip/msg"
	"gatehouse/sip/uri"
)

func TestService_EmergencyServicesOnly(t *testing.T) {
	for text, want := range map[string]string{
		"urn:service:sos": "urn:service:sos", "URN:SERVICE:SOS.Fire": "urn:service:sos.fire", "urn:service:sos.a.b-c.1": "urn:service:sos.a.b-c.1",
		"urn:service:sos.": "", "urn:service:sosx": "", "urn:service:sos..a": "", "urn:service:sos.-a": "", "urn:service:sos.a-": "", "urn:service:sos.a_b": "",
		"urn:service:sos.%61": "", "urn:service:counseling": "", "sip:sos@urn": "", "tel:112": "",
	} {
		u, err := uri.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got, ok := Service(u); got != want || ok != (want != "") {
			t.Errorf("%s: %q %v, want %q", text, got, ok, want)
		}
	}
}

// FuzzService holds that what is taken for a service can stand in a request line
// as it is, and is taken for the same again.
func FuzzService(f *testing.F) {
	for _, s := range []string{"urn:service:sos", "urn:service:sos.fire", "urn:Service:SOS.a-b", "urn:service:sos.\r\nx", "sip:a@b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := uri.Parse(text)
		if err != nil {
			return
		}
		urn, ok := Service(u)
		if !ok {
			if urn != "" {
				t.Errorf("%q gives %q and no", text, urn)
			}
			return
		}
		var b msg.Builder
		b.Request("INVITE", urn)
		raw, err := b.Bytes()
		if err != nil || !strings.HasPrefix(string(raw), "INVITE "+urn+" SIP/2.0\r\n") {
			t.Errorf("%q gives %q, which cannot be written: %v", text, urn, err)
		}
		again, err := uri.Parse(urn)
		if got, ok := Service(again); err != nil || !ok || got != urn {
			t.Errorf("%q is %q the second time: %v", urn, got, err)
		}
	})
}
