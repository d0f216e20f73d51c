// Package metrics shows the process to Prometheus. Nothing is counted here:
// each scrape asks the sources what they have counted and writes it out, so a
// call or a packet pays nothing for being measured.
//
// The types below are what the sources give; internal/app adapts the engine,
// the media plane and the transport to them. A source is called on the
// scraper's goroutine, several at once when scrapes overlap, and must be quick.
package metrics

// EngineStats is what the call engine counts.
type EngineStats struct {
	Calls        int // active now
	Dialogs      int
	Transactions int
	CallsTotal   []CallCount
	SetupDelay   Histogram         // INVITE in to INVITE out
	Drops        map[string]uint64 // messages not served and calls that broke, by cause
}

// CallCount counts finished or refused calls of one kind.
type CallCount struct {
	From, To string // peers, "" when there was none
	Result   string // such as "answered", "cancelled" or a refusal's cause
	N        uint64
}

// Histogram is a distribution of seconds.
type Histogram struct {
	Bounds []float64 // upper bounds, rising, without infinity
	Counts []uint64  // one for each bound and one above the last: not cumulative
	Sum    float64   // of all observations
}

// MediaStats is what the media plane counts.
type MediaStats struct {
	PortsInUse map[string]int    // by zone
	Flows      map[string]int    // by path
	Drops      map[string]uint64 // packets, by cause
}

// MessageCount counts SIP messages of one kind.
type MessageCount struct {
	Direction string // "in" or "out"
	Method    string
	Code      int // 0 for a request
	N         uint64
}

// SignallingStats is what the SIP transport counts.
type SignallingStats struct {
	Messages []MessageCount
	Drops    map[string]uint64 // by cause
	// Connections counts the open ones by transport, Handshakes those accepted
	// whose handshake goes on.
	Connections map[string]int
	Handshakes  int
}

// AdmissionStats is what the watch over sources counts.
type AdmissionStats struct {
	Verdicts map[string]uint64 // messages and connections
	Offences map[string]uint64 // of strangers, by reason
	Bans     int               // in force now
}

// RecordStats is what the call record writer counts.
type RecordStats struct {
	Queued        int
	Written, Lost uint64
}

// Sources are the functions asked at each scrape. One that is nil is left out.
type Sources struct {
	Engine     func() EngineStats
	Media      func() MediaStats
	Signalling func() SignallingStats
	Admission  func() AdmissionStats
	// Lookups counts name look-ups by result.
	Lookups func() map[string]uint64
	Records func() RecordStats
	// LogDropped counts log lines that were not written.
	LogDropped func() uint64
	// ReloadOK tells whether the last configuration load succeeded.
	ReloadOK func() bool
}

// Build names the program.
type Build struct{ Version, Commit string }
