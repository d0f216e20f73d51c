package demo

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"time"

	"gatehouse/internal/demo/papers"
)

// Options say where the running border controller is and where to print.
type Options struct {
	// Inside and Outside are where the border controller listens.
	Inside, Outside netip.AddrPort
	// PBX and Trunk are where the endpoints listen: the peers' addresses in
	// the border controller's configuration.
	PBX, Trunk netip.AddrPort
	// Papers make the trunk speak TLS; nil leaves it on UDP.
	Papers *papers.Papers
	// Out takes the ladder and the figures; nil prints nothing.
	Out io.Writer
	// CDR gives the call's record once it is there; nil leaves it out.
	CDR func(ctx context.Context) ([]byte, error)
	// Talk is how long both sides talk, 2 s when zero; after the hold they
	// talk half as long again.
	Talk time.Duration
	// Hold is how long the call is held, 500 ms when zero.
	Hold time.Duration
}

const (
	defaultTalk = 2 * time.Second
	defaultHold = 500 * time.Millisecond
	// stepTimeout bounds every step of the demo's signalling.
	stepTimeout = 10 * time.Second
	// settleTime lets the packets under way arrive before a count.
	settleTime = 100 * time.Millisecond
	// pbxTone and trunkTone differ, so that nobody takes its own echo for the
	// other side.
	pbxTone, trunkTone = 450, 700 // Hz
	// calledNumber is a number nobody has, North American style.
	calledNumber = "+13125550100"
	pbxUser      = "100"
)

// Flow is what one side sent and what the other one heard of it.
type Flow struct {
	Sent  uint64
	Heard Heard
}

// Result is how the demo call went.
type Result struct {
	// SetupDelay is from the PBX's INVITE to its arrival at the trunk,
	// AnswerDelay from that INVITE to the 200 at the PBX.
	SetupDelay, AnswerDelay time.Duration
	ToTrunk, ToPBX          Flow
	// HeldPackets counts what reached the PBX while it had the call on hold.
	HeldPackets uint64
	// SurvivedHold: both sides heard each other again after it.
	SurvivedHold bool
	// CDR is the call's record, empty when none was asked for.
	CDR []byte
	// Ladder holds every message of both sides.
	Ladder *Ladder
}

// AudioBothWays tells whether each side clearly heard the other one's tone.
func (r Result) AudioBothWays() bool {
	return r.ToTrunk.Heard.Clear() && r.ToPBX.Heard.Clear() && r.SurvivedHold
}

// Run places the demo call through a running border controller. It returns
// what it saw also when a step fails, and prints the ladder in any case.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.Talk == 0 {
		o.Talk = defaultTalk
	}
	if o.Hold == 0 {
		o.Hold = defaultHold
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	s := &scene{o: o}
	right := "trunk"
	if o.Papers != nil {
		right = "trunk (TLS)"
	}
	s.result.Ladder = NewLadder("PBX", "gatehouse", right)
	err := s.open()
	if err == nil {
		err = s.play(ctx)
	}
	err = errors.Join(err, s.close())
	s.print()
	return s.result, err
}
