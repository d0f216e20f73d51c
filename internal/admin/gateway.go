package admin

import (
	"context"
	"time"
)

// Gateway is what the API shows and steers. Its methods are called from many
// goroutines and should return when the context ends.
type Gateway interface {
	// Calls lists the calls in progress.
	Calls(ctx context.Context) ([]Call, error)
	// Call finds one; ok is false when there is none of that ID.
	Call(ctx context.Context, id string) (c Call, ok bool, err error)
	// Bans lists the sources that are shut out for what they did.
	Bans() []Ban
	// Unban lets a source in again, named as its Ban names it or by any address
	// in it. It is false when there is no such ban.
	Unban(source string) bool
	// Reload loads the configuration file again. The error, one line for each
	// mistake, is shown to the caller; the old configuration is then in force.
	Reload(ctx context.Context) error
	// Drain begins to refuse new calls; the process ends when the last call has.
	Drain()
	// Ready says why no calls are taken, nil when they are: every listener is
	// open and the process is not draining.
	Ready() error
}

// Ban is one source that is shut out.
type Ban struct {
	Source   string    `json:"source"` // an address, of IPv6 the network it is in
	Reason   string    `json:"reason"` // of the last offence
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until"`
	Offences int       `json:"offences"`
	DryRun   bool      `json:"dry_run"` // it is only said what would be dropped
}

// Call is a call in progress. Names are those of the call records.
type Call struct {
	ID         string     `json:"id"`
	State      string     `json:"state"` // setup, up or over
	Route      string     `json:"route"`
	Start      time.Time  `json:"start"`
	Answer     *time.Time `json:"answer,omitempty"`
	DurationMs int64      `json:"duration_ms"` // since the answer
	FromPeer   string     `json:"from_peer"`
	ToPeer     string     `json:"to_peer"`
	Caller     string     `json:"caller"`
	Called     string     `json:"called"`
	Legs       []Leg      `json:"legs"`
}

// withLegs gives a call whose list of legs is written as one, empty or not.
func (c Call) withLegs() Call {
	if c.Legs == nil {
		c.Legs = []Leg{}
	}
	return c
}

// Leg is our end of one dialog of a call.
type Leg struct {
	Peer        string  `json:"peer"`
	CallID      string  `json:"call_id"`
	Transport   string  `json:"transport"`
	Remote      string  `json:"remote"`
	Codec       string  `json:"codec"`
	SRTP        string  `json:"srtp"`
	MediaRemote string  `json:"media_remote"`
	RxPackets   uint64  `json:"rx_packets"`
	TxPackets   uint64  `json:"tx_packets"`
	RxLost      uint64  `json:"rx_lost"`
	JitterMs    float64 `json:"jitter_ms"`
	Path        string  `json:"path"`
}
