// Package record holds what is told of a call outside of signalling: the call
// detail record of a finished one and the picture of one that is active. It is
// plain values: package call fills them on the call's shard, and gives them
// away for good when the call has ended; stores and the API read them.
package record

import (
	"time"

	"gatehouse/b2bua/crossing"
	"gatehouse/media/profile"
	"gatehouse/sip/msg"
	"gatehouse/sip/uri"
)

// Record is the call detail record: one per accepted or refused initial
// INVITE, one JSON line in the file.
type Record struct {
	ID         string     `json:"id"`
	Node       string     `json:"node"`
	Route      string     `json:"route,omitempty"`
	Start      time.Time  `json:"start"`
	Answer     *time.Time `json:"answer,omitempty"`
	End        time.Time  `json:"end"`
	DurationMs int64      `json:"duration_ms"`
	SetupMs    int64      `json:"setup_ms"`
	FromPeer   string     `json:"from_peer"`
	ToPeer     string     `json:"to_peer"`
	Caller     string     `json:"caller"`
	Called     string     `json:"called"`
	CallerOut  string     `json:"caller_out"`
	CalledOut  string     `json:"called_out"`
	Code       int        `json:"code"`
	Q850       int        `json:"q850"`
	Cause      string     `json:"cause"`
	HangupBy   string     `json:"hangup_by"`
	Verdict    string     `json:"verdict"`
	Parent     string     `json:"parent,omitempty"`
	Attempts   []Attempt  `json:"attempts"`
	Legs       []Leg      `json:"legs"`
}

// Attempt is one try at one target.
type Attempt struct {
	Peer   string `json:"peer"`
	Target string `json:"target"`
	Code   int    `json:"code"`
	Ms     int64  `json:"ms"`
}

// Leg is one leg of the call, with its media as its peer sent it.
type Leg struct {
	Peer        string  `json:"peer"`
	CallID      string  `json:"call_id"`
	Transport   string  `json:"transport"`
	Remote      string  `json:"remote"`
	Codec       string  `json:"codec,omitempty"`
	SRTP        string  `json:"srtp"`
	MediaRemote string  `json:"media_remote,omitempty"`
	RxPackets   uint64  `json:"rx_packets"`
	TxPackets   uint64  `json:"tx_packets"`
	RxLost      uint64  `json:"rx_lost"`
	JitterMs    float64 `json:"jitter_ms"`
	Path        string  `json:"path,omitempty"`
}

// VerdictSilent is what became of a call neither side of which sent media.
const VerdictSilent = "no media"

// The other verdicts say at a glance what became of a call.
const (
	verdictOK      = "ok"
	verdictRefused = "refused"
	// One side sent nothing although the other did.
	verdictOneWayA = "one-way audio: nothing came from the caller's side"
	verdictOneWayB = "one-way audio: nothing came from the called side"
)

// Refused makes the record of an initial INVITE that was refused before it
// became a call.
func Refused(id string, m *msg.Message, from string, code int, cause string, arrived, now time.Time) *Record {
	r := &Record{ID: id, Start: arrived, End: now, FromPeer: from, Caller: crossing.PartyOf(m.From()).User, SetupMs: now.Sub(arrived).Milliseconds(),
		HangupBy: "gatehouse", Verdict: verdictRefused, Attempts: []Attempt{}, Legs: []Leg{}}
	if u, err := uri.Parse(string(m.RequestURI())); err == nil {
		var service bool
		if r.Called, service = crossing.Service(u); !service {
			r.Called, _ = crossing.UserOf(u)
		}
	}
	r.Final(code, 0, cause)
	return r
}

// Answered tells whether the caller got a 2xx.
func (r *Record) Answered() bool { return r.Answer != nil }

// MarkAnswered notes the 2xx to the caller.
func (r *Record) MarkAnswered(to string, now time.Time) {
	r.Answer, r.Code, r.ToPeer = &now, 200, to
	r.SetupMs = now.Sub(r.Start).Milliseconds()
}

// Final notes the failure the caller got.
func (r *Record) Final(code, cause int, text string) {
	r.Code, r.Cause, r.Q850 = code, text, cause
	if cause == 0 {
		r.Q850 = crossing.CauseOfStatus(code)
		if code == 487 {
			r.Q850 = crossing.CauseNormalClearing
		}
	}
}

// Close notes the end of the call.
func (r *Record) Close(cause, by string, now time.Time) {
	r.End, r.Cause, r.HangupBy = now, cause, by
	if r.Answered() {
		r.DurationMs = r.End.Sub(*r.Answer).Milliseconds()
	} else {
		r.SetupMs = r.End.Sub(r.Start).Milliseconds()
	}
}

// SetLegs completes the record with what became of the media.
func (r *Record) SetLegs(legs []Leg) {
	r.Legs = legs
	if r.Verdict == "" {
		r.Verdict = r.judge()
	}
}

// judge derives the verdict from the figures.
func (r *Record) judge() string {
	if !r.Answered() {
		return verdictRefused
	}
	if len(r.Legs) < 2 {
		return verdictOK
	}
	a, b := r.Legs[0].RxPackets, r.Legs[1].RxPackets
	switch {
	case a == 0 && b == 0:
		return VerdictSilent
	case a == 0:
		return verdictOneWayA
	case b == 0:
		return verdictOneWayB
	default:
		return verdictOK
	}
}

// Result sorts a finished call into one of the totals.
func (r *Record) Result() string {
	switch {
	case r.Answered():
		return "answered"
	case r.Code == 487:
		return "cancelled"
	case r.Code >= 500 && r.Code < 600:
		return "failed"
	default:
		return "refused"
	}
}

// Add counts one stream into the leg; the jitter is that of the worst.
func (l *Leg) Add(s profile.Stats) {
	l.RxPackets += s.RxPackets
	l.TxPackets += s.TxPackets
	l.RxLost += s.Lost
	l.JitterMs = max(l.JitterMs, s.JitterMs)
	if s.Path != "" {
		l.Path = s.Path
	}
	if s.Latched.IsValid() {
		l.MediaRemote = s.Latched.String()
	}
}

// Info is an active call as the API shows it.
type Info struct {
	ID, State, Route string
	From, To         string // peers
	Caller, Called   string
	Start            time.Time
	Answered         bool
	AnsweredAt       time.Time
	DurationMs       int64
	Legs             []Leg
}
