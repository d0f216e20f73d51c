package metrics

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func full() Sources {
	return Sources{
		Engine: func() EngineStats {
			return EngineStats{Calls: 3, Dialogs: 6, Transactions: 2,
				CallsTotal: []CallCount{{"pbx", "carrier", "answered", 40}, {"pbx", "carrier", "answered", 2}, {"", "", "unknown\xff", 1}},
				SetupDelay: Histogram{Bounds: []float64{0.001, 0.01}, Counts: []uint64{5, 3, 1}, Sum: 0.07},
				Drops:      map[string]uint64{"shed": 8}}
		},
		Media: func() MediaStats {
			return MediaStats{PortsInUse: map[string]int{"inside": 4}, Flows: map[string]int{"portable": 2}, Drops: map[string]uint64{"latch": 9}}
		},
		Signalling: func() SignallingStats {
			return SignallingStats{Messages: []MessageCount{{"in", "INVITE", 0, 7}, {"out", "INVITE", 200, 6}}, Drops: map[string]uint64{"not_sip": 1},
				Connections: map[string]int{"tls": 3}, Handshakes: 2}
		},
		Admission: func() AdmissionStats {
			return AdmissionStats{Verdicts: map[string]uint64{"limited": 4}, Offences: map[string]uint64{"framing": 8}, Bans: 2}
		},
		Lookups:    func() map[string]uint64 { return map[string]uint64{"timeout": 6} },
		Records:    func() RecordStats { return RecordStats{Queued: 1, Written: 41, Lost: 0} },
		LogDropped: func() uint64 { return 5 },
		ReloadOK:   func() bool { return true },
	}
}

func scrape(t *testing.T, s Sources) string {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(New(s, Build{Version: "v1.2.3", Commit: "abc"})).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestCollector_Scrape_NamesOfTheContract(t *testing.T) {
	got := "\n" + scrape(t, full())
	for _, want := range []string{
		`gatehouse_calls_active 3`,
		`gatehouse_calls_total{from="pbx",result="answered",to="carrier"} 42`,
		`gatehouse_calls_total{from="",result="unknown` + "\ufffd" + `",to=""} 1`,
		`gatehouse_dialogs_active 6`,
		`gatehouse_engine_drop_total{cause="shed"} 8`,
		`gatehouse_transactions_active 2`,
		`gatehouse_media_ports_in_use{zone="inside"} 4`,
		`gatehouse_media_flows{path="portable"} 2`,
		`gatehouse_media_drop_total{cause="latch"} 9`,
		`gatehouse_setup_delay_seconds_bucket{le="0.001"} 5`,
		`gatehouse_setup_delay_seconds_bucket{le="0.01"} 8`,
		`gatehouse_setup_delay_seconds_bucket{le="+Inf"} 9`,
		`gatehouse_setup_delay_seconds_sum 0.07`,
		`gatehouse_setup_delay_seconds_count 9`,
		`gatehouse_sip_messages_total{code="",direction="in",method="INVITE"} 7`,
		`gatehouse_sip_messages_total{code="200",direction="out",method="INVITE"} 6`,
		`gatehouse_sip_drop_total{cause="not_sip"} 1`,
		`gatehouse_sip_connections{transport="tls"} 3`,
		`gatehouse_sip_handshakes 2`,
		`gatehouse_admission_total{verdict="limited"} 4`,
		`gatehouse_offences_total{reason="framing"} 8`,
		`gatehouse_bans_active 2`,
		`gatehouse_dns_lookups_total{result="timeout"} 6`,
		`gatehouse_cdr_queued 1`,
		`gatehouse_cdr_written_total 41`,
		`gatehouse_cdr_lost_total 0`,
		`gatehouse_log_dropped_total 5`,
		`gatehouse_config_last_reload_successful 1`,
	} {
		if !strings.Contains(got, "\n"+want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
	for _, want := range []string{`version="v1.2.3"`, "\ngo_goroutines ", "\nprocess_resident_memory_bytes "} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if !strings.Contains(got, "# TYPE gatehouse_setup_delay_seconds histogram") || !strings.Contains(got, "# TYPE gatehouse_calls_total counter") {
		t.Error("types are wrong")
	}
}

func TestCollector_ReloadFailed_Zero(t *testing.T) {
	s := full()
	s.ReloadOK = func() bool { return false }
	if !strings.Contains(scrape(t, s), "\ngatehouse_config_last_reload_successful 0\n") {
		t.Error("a failed reload does not show")
	}
}

func TestCollector_BadHistogram_OthersStillServed(t *testing.T) {
	for _, bad := range []Histogram{{Bounds: []float64{1}, Counts: []uint64{1}}, {Bounds: []float64{2, 1}, Counts: []uint64{1, 1, 1}}} {
		s := full()
		s.Engine = func() EngineStats { return EngineStats{Calls: 1, SetupDelay: bad} }
		got := scrape(t, s)
		if strings.Contains(got, "setup_delay") || !strings.Contains(got, "\ngatehouse_calls_active 1\n") {
			t.Errorf("got %s", got)
		}
	}
}

func TestCollector_NoSources_StillServes(t *testing.T) {
	got := scrape(t, Sources{Engine: func() EngineStats { return EngineStats{} }})
	if !strings.Contains(got, "\ngatehouse_setup_delay_seconds_count 0\n") || strings.Contains(got, "gatehouse_media") {
		t.Errorf("got %s", got)
	}
	if !strings.Contains(scrape(t, Sources{}), "gatehouse_build_info") {
		t.Error("no build info")
	}
}
