package msg

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/sip/grammar"
)

// parserVerdict is what Parse must say of each torture message: 0 accepts it. Where the accepted outcomes of the table
// hold only codes that Parse does not give, a later layer decides, and later says which and why.
var parserVerdict = map[string]struct {
	code  int
	later string
}{
	"wsinv.dat":                     {0, "dialog matching gives 481"},
	"intmeth.dat":                   {0, "method handling gives 501 or 404"},
	"esc01.dat":                     {},
	"escnull.dat":                   {},
	"esc02.dat":                     {0, "method handling gives 501: RE%47IST%45R is not REGISTER"},
	"lwsdisp.dat":                   {},
	"longreq.dat":                   {},
	"dblreq.dat":                    {0, "registrar policy; the second message is never seen"},
	"semiuri.dat":                   {},
	"transports.dat":                {},
	"mpart01.dat":                   {},
	"unreason.dat":                  {0, "transaction matching discards a stray response"},
	"noreason.dat":                  {0, "transaction matching discards a stray response"},
	"badinv01.dat":                  {code: 400},
	"clerr.dat":                     {code: 400},
	"ncl.dat":                       {code: 400},
	"scalar02.dat":                  {code: 400},
	"scalarlg.dat":                  {code: 400},
	"quotbal.dat":                   {code: 400},
	"ltgtruri.dat":                  {code: 400},
	"lwsruri.dat":                   {code: 400},
	"lwsstart.dat":                  {code: 400},
	"trws.dat":                      {code: 400},
	"escruri.dat":                   {code: 400},
	"baddate.dat":                   {},
	"regbadct.dat":                  {code: 400},
	"badaspec.dat":                  {code: 400},
	"baddn.dat":                     {code: 400},
	"badvers.dat":                   {code: 505},
	"mismatch01.dat":                {code: 400},
	"mismatch02.dat":                {code: 400},
	"bigcode.dat":                   {code: 400},
	"badbranch.dat":                 {},
	"insuf.dat":                     {code: 400},
	"unkscm.dat":                    {0, "routing gives 416: an unknown scheme is well-formed"},
	"novelsc.dat":                   {0, "routing gives 416: an unknown scheme is well-formed"},
	"unksm2.dat":                    {0, "the registrar refuses a To that is no SIP URI"},
	"bext01.dat":                    {0, "Require handling gives 420"},
	"invut.dat":                     {0, "body handling gives 415"},
	"regaut01.dat":                  {},
	"multi01.dat":                   {code: 400},
	"mcl01.dat":                     {code: 400},
	"bcast.dat":                     {0, "transaction matching discards a stray response"},
	"zeromf.dat":                    {0, "forwarding gives 483"},
	"cparam01.dat":                  {},
	"cparam02.dat":                  {},
	"regescrt.dat":                  {},
	"sdp01.dat":                     {0, "Accept without application/sdp gives 406 in the call"},
	"inv2543.dat":                   {},
	"test.dat":                      {code: 400},
	"ipv6-good":                     {},
	"ipv6-bad":                      {code: 400},
	"port-ambiguous":                {},
	"port-unambiguous":              {},
	"via-received-param-with-delim": {0, "dialog matching gives 481"},
	"via-received-param-no-delim":   {},
	"ipv6-in-sdp":                   {},
	"mult-ip-in-header":             {0, "dialog matching gives 481"},
	"mult-ip-in-sdp":                {},
	"ipv4-mapped-ipv6":              {},
	"ipv6-bug-abnf-3-colons":        {},
	"ipv6-correct-abnf-2-colons":    {},
}

type corpusRow struct {
	name, outcomes string
	text           []byte
}

// corpus reads both torture collections through their tables, so that no file can be left out.
func corpus(t testing.TB) []corpusRow {
	t.Helper()
	var rows []corpusRow
	for _, set := range []string{"rfc4475", "rfc5118"} {
		table, err := os.ReadFile(filepath.Join("testdata", set+".tsv"))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(table)), "\n")
		for _, line := range lines[1:] {
			cells := strings.Split(line, "\t")
			text, err := os.ReadFile(filepath.Join("testdata", set, cells[0]))
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, corpusRow{cells[0], cells[len(cells)-1], text})
		}
	}
	return rows
}

func TestParse_TortureCorpus_VerdictOfEachRow(t *testing.T) {
	rows := corpus(t)
	if len(rows) != len(parserVerdict) || len(rows) != 62 {
		t.Fatalf("corpus has %d rows, table %d, want 62", len(rows), len(parserVerdict))
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			want, ok := parserVerdict[row.name]
			if !ok {
				t.Fatal("no verdict for this row")
			}
			var m Message
			got := codeOf(t, m.Parse(row.text, Datagram))
			if got != want.code {
				t.Fatalf("code %d, want %d", got, want.code)
			}
			checkOutcome(t, row, &m, got, want.later)
		})
	}
}

// checkOutcome holds the verdict against the outcomes the table accepts.
func checkOutcome(t *testing.T, row corpusRow, m *Message, code int, later string) {
	t.Helper()
	outcomes := "|" + row.outcomes + "|"
	switch {
	case code == 505:
		if row.outcomes != "505" {
			t.Errorf("505 where %s is accepted", row.outcomes)
		}
	case code == 400 && m.IsRequest():
		if !strings.Contains(outcomes, "|400|") {
			t.Errorf("400 where %s is accepted", row.outcomes)
		}
	case code == 400:
		if !strings.Contains(outcomes, "|DISCARD|") {
			t.Errorf("a response dropped where %s is accepted", row.outcomes)
		}
	case later == "" && !strings.Contains(outcomes, "|ACCEPT"):
		t.Errorf("accepted where %s is, and no later layer is named", row.outcomes)
	case later != "" && (outcomes == "|400|" || outcomes == "|505|"):
		t.Errorf("left to a later layer, but %s is the parser's to give", row.outcomes)
	}
}

func codeOf(t testing.TB, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is no *Error", err)
	}
	if e.Code < 400 || e.Code > 699 || e.Reason == "" || grammar.HasUnsafe(e.Reason) {
		t.Fatalf("error %+v cannot be answered", e)
	}
	return e.Code
}

func load(t testing.TB, name string) *Message {
	t.Helper()
	for _, row := range corpus(t) {
		if row.name == name {
			m := new(Message)
			if err := m.Parse(row.text, Datagram); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return m
		}
	}
	t.Fatalf("no torture message %s", name)
	return nil
}

func wantBytes(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if string(got) != want {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}

func TestParse_Wsinv_ReadsFoldedAndSpacedHeaders(t *testing.T) {
	m := load(t, "wsinv.dat")
	if n, ok := m.MaxForwards(); !ok || n != 68 {
		t.Errorf("Max-Forwards %d %v, want 68", n, ok)
	}
	if m.CSeq() != 9 || m.Method() != INVITE {
		t.Errorf("CSeq %d %v, want 9 INVITE", m.CSeq(), m.Method())
	}
	wantBytes(t, "To tag", m.ToTag(), "1918181833n")
	wantBytes(t, "From tag", m.FromTag(), "98asjd8")
	wantBytes(t, "From display", m.From().Display, `"J Rosenberg \\\""`)
	if got := m.From().DisplayText(); got != `J Rosenberg \"` {
		t.Errorf("From display text %q", got)
	}
	via := m.TopVia()
	wantBytes(t, "Via host", via.Host, "192.0.2.2")
	wantBytes(t, "Via transport", via.Transport, "UDP")
	wantBytes(t, "Via branch", via.Branch, "390skdjuw")
	var branches []string
	for v := range m.Values(HeaderVia) {
		parsed, err := ParseVia(v)
		if err != nil {
			t.Fatal(err)
		}
		branches = append(branches, string(parsed.Branch))
	}
	if got := strings.Join(branches, " "); got != "390skdjuw z9hG4bK9ikj8 z9hG4bK30239" {
		t.Errorf("branches %s", got)
	}
	v, ok := m.Lookup("unknownheaderwithunusualvalue")
	if !ok || string(v) != ";;,,;;,;" {
		t.Errorf("unusual value %q", v)
	}
	v, _ = m.Lookup("NewFangledHeader")
	wantBytes(t, "folded header", v, "newfangled value continued newfangled value")
	v, ok = m.Get(HeaderSubject)
	if !ok || len(v) != 0 {
		t.Errorf("empty Subject %q %v", v, ok)
	}
	c, ok := m.Contact()
	q, _ := c.Param("Q")
	if !ok || string(q) != "0.33" {
		t.Errorf("Contact q %q", q)
	}
	if len(m.Body()) != 150 {
		t.Errorf("body of %d bytes", len(m.Body()))
	}
}

func TestParse_Intmeth_KeepsUnusualBytes(t *testing.T) {
	m := load(t, "intmeth.dat")
	wantBytes(t, "method", m.MethodName(), "!interesting-Method0123456789_*+`.%indeed'~")
	if m.Method() != Unknown {
		t.Errorf("method %v", m.Method())
	}
	wantBytes(t, "To display", m.To().Display, "\"BEL:\\\a NUL:\\\x00 DEL:\\\x7f\"")
	if got := m.To().DisplayText(); got != "BEL: NUL: DEL:" {
		t.Errorf("display text %q", got)
	}
	wantBytes(t, "From tag", m.FromTag(), "_token~1'+`*%!-.")
	wantBytes(t, "Call-ID", m.CallID(), `intmeth.word%ZK-!.*_+'@word`+"`"+`~)(><:\/"][?}{`)
}

func TestParse_Dblreq_IgnoresWhatFollowsTheBody(t *testing.T) {
	m := load(t, "dblreq.dat")
	if m.Method() != REGISTER || len(m.Body()) != 0 {
		t.Errorf("%v with %d bytes of body", m.Method(), len(m.Body()))
	}
	out, err := m.AppendTo(nil)
	if err != nil || bytes.Contains(out, []byte("INVITE")) {
		t.Errorf("trailing request written: %q %v", out, err)
	}
}

func TestParse_TortureCorpus_WritesBackByteForByte(t *testing.T) {
	for _, row := range corpus(t) {
		if parserVerdict[row.name].code != 0 {
			continue
		}
		var m Message
		if err := m.Parse(row.text, Datagram); err != nil {
			t.Fatal(err)
		}
		out, err := m.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		want := row.text[:len(row.text)-len(trailing(&m, row.text))]
		if m.Count(HeaderContentLength) == 0 {
			continue
		}
		if !bytes.Equal(out, want) {
			t.Errorf("%s: written\n%q\nwant\n%q", row.name, out, want)
		}
	}
}

// trailing is what a datagram holds behind the body.
func trailing(m *Message, text []byte) []byte {
	head := bytes.Index(text, []byte("\r\n\r\n")) + 4
	return text[head+len(m.Body()):]
}
