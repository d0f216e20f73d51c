package call

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
	ID         string          `json:"id"`
	Node       string          `json:"node"`
	Route      string          `json:"route,omitempty"`
	Start      time.Time       `json:"start"`
	Answer     *time.Time      `json:"answer,omitempty"`
	End        time.Time       `json:"end"`
	DurationMs int64           `json:"duration_ms"`
	SetupMs    int64           `json:"setup_ms"`
	FromPeer   string          `json:"from_peer"`
	ToPeer     string          `json:"to_peer"`
	Caller     string          `json:"caller"`
	Called     string          `json:"called"`
	CallerOut  string          `json:"caller_out"`
	CalledOut  string          `json:"called_out"`
	Code       int             `json:"code"`
	Q850       int             `json:"q850"`
	Cause      string          `json:"cause"`
	HangupBy   string          `json:"hangup_by"`
	Verdict    string          `json:"verdict"`
	Parent     string          `json:"parent,omitempty"`
	Attempts   []AttemptRecord `json:"attempts"`
	Legs       []LegRecord     `json:"legs"`

	answered bool
}

// AttemptRecord is one try at one target.
type AttemptRecord struct {
	Peer   string `json:"peer"`
	Target string `json:"target"`
	Code   int    `json:"code"`
	Ms     int64  `json:"ms"`
}

// LegRecord is one leg of the call, with its media as its peer sent it.
type LegRecord struct {
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

// Verdicts say at a glance what became of a call.
const (
	verdictOK      = "ok"
	verdictSilent  = "no media"
	verdictRefused = "refused"
	// One side sent nothing although the other did.
	verdictOneWayA = "one-way audio: nothing came from the caller's side"
	verdictOneWayB = "one-way audio: nothing came from the called side"
)

// begin opens the record of a call.
func (r *Record) begin(c *Call, in Invitation) {
	r.ID, r.Route = c.ID(), in.Decision.Route
	r.Start = in.Arrived
	r.Attempts, r.Legs = []AttemptRecord{}, []LegRecord{}
	if in.Decision.From != nil {
		r.FromPeer = in.Decision.From.Name
	}
	r.Caller = crossing.PartyOf(in.Msg.From()).User
	r.Called = in.User
	r.CallerOut, r.CalledOut = r.Caller, r.Called
}

// Refused makes the record of an initial INVITE that was refused before it
// became a call.
func Refused(id string, m *msg.Message, from string, code int, cause string, arrived, now time.Time) *Record {
	r := &Record{ID: id, Start: arrived, End: now, FromPeer: from, Caller: crossing.PartyOf(m.From()).User, SetupMs: now.Sub(arrived).Milliseconds(),
		HangupBy: "gatehouse", Verdict: verdictRefused, Attempts: []AttemptRecord{}, Legs: []LegRecord{}}
	if u, err := uri.Parse(string(m.RequestURI())); err == nil {
		r.Called, _ = crossing.UserOf(u)
	}
	r.final(code, 0, cause)
	return r
}

// markAnswered notes the 2xx to the caller.
func (r *Record) markAnswered(c *Call, now time.Time) {
	r.answered = true
	r.Answer = &now
	r.Code = 200
	r.SetupMs = now.Sub(r.Start).Milliseconds()
	r.ToPeer = c.b.peer.Name
	r.attempt(c.b, 200, now)
}

// final notes the failure the caller got.
func (r *Record) final(code, cause int, text string) {
	r.Code, r.Cause, r.Q850 = code, text, cause
	if cause == 0 {
		r.Q850 = crossing.CauseOfStatus(code)
		if code == 487 {
			r.Q850 = crossing.CauseNormalClearing
		}
	}
}

// attempt notes how one attempt ended, once.
func (r *Record) attempt(l *Leg, code int, now time.Time) {
	if l.recorded {
		return
	}
	l.recorded = true
	r.Attempts = append(r.Attempts, AttemptRecord{Peer: l.peer.Name, Target: l.peer.Address.String(), Code: code, Ms: now.Sub(l.started).Milliseconds()})
	if !r.answered {
		r.ToPeer = l.peer.Name
	}
}

// end closes the record; media figures are read before the ports are freed.
func (r *Record) end(c *Call, cause, by string) {
	r.End = c.env.Now()
	r.Cause, r.HangupBy = cause, by
	if r.answered {
		r.DurationMs = r.End.Sub(*r.Answer).Milliseconds()
	} else {
		r.SetupMs = r.End.Sub(r.Start).Milliseconds()
	}
	for _, l := range [...]*Leg{c.a, c.b} {
		if l != nil {
			r.Legs = append(r.Legs, l.record())
		}
	}
	if r.Verdict == "" {
		r.Verdict = r.judge()
	}
}

// judge derives the verdict from the figures.
func (r *Record) judge() string {
	if !r.answered {
		return verdictRefused
	}
	if len(r.Legs) < 2 {
		return verdictOK
	}
	a, b := r.Legs[0].RxPackets, r.Legs[1].RxPackets
	switch {
	case a == 0 && b == 0:
		return verdictSilent
	case a == 0:
		return verdictOneWayA
	case b == 0:
		return verdictOneWayB
	default:
		return verdictOK
	}
}

func (l *Leg) record() LegRecord {
	r := LegRecord{Peer: l.peer.Name, CallID: l.dlg.CallID, SRTP: "off"}
	if l.hop.Dest.Listener != nil {
		r.Transport = l.hop.Dest.Listener.Proto().String()
		r.Remote = l.hop.Dest.Addr.String()
	}
	streams := 0
	if remote := l.sdp.Remote(); remote != nil {
		streams = len(remote.Media)
		for _, m := range remote.Media {
			if !m.Rejected() && len(m.Codecs) > 0 {
				r.Codec = m.Codecs[0].Name
				r.MediaRemote = m.Addr.String()
				break
			}
		}
	}
	if !l.hasEnd {
		return r
	}
	for i := range streams {
		s := l.call.env.Media().Stats(l.end, i)
		r.add(s)
	}
	return r
}

// add counts one stream into the leg; the jitter is that of the worst.
func (r *LegRecord) add(s profile.Stats) {
	r.RxPackets += s.RxPackets
	r.TxPackets += s.TxPackets
	r.RxLost += s.Lost
	r.JitterMs = max(r.JitterMs, s.JitterMs)
	if s.Path != "" {
		r.Path = s.Path
	}
	if s.Latched.IsValid() {
		r.MediaRemote = s.Latched.String()
	}
}
