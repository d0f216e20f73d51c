package limit

import "testing"

func TestScanner_UserAgents_ToolsAreKnown(t *testing.T) {
	for ua, want := range map[string]bool{
		"friendly-scanner":            true,
		"Friendly-Scanner":            true,
		"friendly-scanner/0.3.4":      true,
		"sipvicious":                  true,
		"SIPVicious 0.3":              true,
		"sipcli/v1.8":                 true,
		"sipcli1.8":                   true,
		"sipsak 0.9.6":                true,
		"svmap":                       true,
		"SVWAR":                       true,
		"x svcrack":                   true,
		"sippts":                      true,
		"pplsip":                      true,
		"VaxSIPUserAgent/3.1":         true,
		"iWar":                        true,
		"smap 0.6.0":                  true,
		"sundayddr":                   true,
		"sip-scan":                    true,
		"Gulp":                        true,
		"(compatible; gulp)":          true,
		"":                            false,
		"eyeBeam release 3006o":       false,
		"Asterisk PBX 18.20":          false,
		"osmap":                       false, // a word that only ends like one
		"7smap":                       false,
		"Gulpy/2":                     false,
		"iWarehouse phone":            false,
		"friendly scanner":            false,
		"friendly-scanne":             false,
		"Ｓmap":                        false,
		"siphon":                      false,
		"Linphone/5.2 (belle-sip/5)":  false,
		"sip\x00cli":                  false,
		"Vax":                         false,
		"\xff\xfe\xfd smap\xff":       true,
		"Cisco-SIPGateway/IOS-15.4.3": false,
	} {
		if got := Scanner([]byte(ua)); got != want {
			t.Errorf("%q: %v", ua, got)
		}
	}
	if Scanner(nil) {
		t.Error("no User-Agent is a scanner")
	}
}

func TestScanner_Allocs_None(t *testing.T) {
	for _, ua := range [][]byte{[]byte("Some Phone 1.2.3 friendly-scanner"), []byte("Asterisk PBX 18.20 svm sipc gul")} {
		if n := testing.AllocsPerRun(100, func() { Scanner(ua) }); n != 0 {
			t.Errorf("%q: %v allocations", ua, n)
		}
	}
}
