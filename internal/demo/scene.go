package demo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// scene is one run of the demo.
type scene struct {
	o                     Options
	result                Result
	pbx, trunk            *Endpoint
	pbxAudio, trunkAudio  *Audio
	caller, callee        *Call
	pbxVersion, trunkVers uint64
	started               time.Time
}

func (s *scene) open() error {
	var err error
	if s.pbx, err = Listen("PBX", s.o.PBX, s.result.Ladder); err != nil {
		return err
	}
	if s.trunk, err = s.openTrunk(); err != nil {
		return err
	}
	if s.pbxAudio, err = OpenAudio(s.o.PBX.Addr(), pbxTone, trunkTone); err != nil {
		return err
	}
	s.trunkAudio, err = OpenAudio(s.o.Trunk.Addr(), trunkTone, pbxTone)
	return err
}

func (s *scene) openTrunk() (*Endpoint, error) {
	if s.o.Papers != nil {
		return ListenTLS("trunk", s.o.Trunk, s.o.Papers, s.result.Ladder)
	}
	return Listen("trunk", s.o.Trunk, s.result.Ladder)
}

func (s *scene) close() error {
	var errs []error
	for _, a := range []*Audio{s.pbxAudio, s.trunkAudio} {
		if a != nil {
			errs = append(errs, a.Close())
		}
	}
	for _, e := range []*Endpoint{s.pbx, s.trunk} {
		if e != nil {
			errs = append(errs, e.Close())
		}
	}
	return errors.Join(errs...)
}

func (s *scene) play(ctx context.Context) error {
	steps := []struct {
		what string
		do   func(context.Context) error
	}{
		{"place the call", s.place},
		{"talk", func(ctx context.Context) error { return pause(ctx, s.o.Talk) }},
		{"hold", s.hold},
		{"resume", s.resume},
		{"hang up", s.hangUp},
		{"fetch the call record", s.record},
	}
	for _, st := range steps {
		bounded, cancel := context.WithTimeout(ctx, stepTimeout+s.o.Talk+s.o.Hold)
		err := st.do(bounded)
		cancel()
		if err != nil {
			return fmt.Errorf("demo: %s: %w", st.what, err)
		}
	}
	return nil
}

// place rings and answers the call, and starts audio on both sides.
func (s *scene) place(ctx context.Context) error {
	s.started = time.Now()
	target := "sip:" + calledNumber + "@" + s.o.Inside.String() + ";user=phone"
	var err error
	if s.caller, err = s.pbx.Invite(ctx, s.o.Inside, pbxUser, target, s.pbxSDP(directionBoth)); err != nil {
		return err
	}
	accepted, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // a refusal ends the wait for the call at the trunk
		select {
		case <-s.caller.Ended():
			cancel()
		case <-accepted.Done():
		}
	}()
	if s.callee, err = s.trunk.Accept(accepted); err != nil {
		if _, refusal := s.caller.Answered(ctx); refusal != nil {
			return refusal
		}
		return err
	}
	s.result.SetupDelay = s.callee.ReceivedAt().Sub(s.started)
	// A connection comes from a port of its own.
	if from := s.callee.Source(); from != s.o.Outside && (s.o.Papers == nil || from.Addr() != s.o.Outside.Addr()) {
		return fmt.Errorf("the INVITE reached the trunk from %s, not from %s", from, s.o.Outside)
	}
	s.callee.Ring(180, nil)
	offer, err := readSDP(s.callee.Offer())
	if err != nil {
		return fmt.Errorf("offer at the trunk: %w", err)
	}
	s.callee.OnOffer(s.trunkAnswer)
	if err := s.callee.Answer(ctx, s.trunkSDP(directionBoth)); err != nil {
		return err
	}
	s.trunkAudio.Send(offer.audio)
	return s.listenToAnswer(ctx)
}

func (s *scene) listenToAnswer(ctx context.Context) error {
	body, err := s.caller.Answered(ctx)
	if err != nil {
		return err
	}
	s.result.AnswerDelay = s.caller.AnsweredAt().Sub(s.started)
	answer, err := readSDP(body)
	if err != nil {
		return fmt.Errorf("answer at the PBX: %w", err)
	}
	s.pbxAudio.Send(answer.audio)
	return nil
}

func (s *scene) pbxSDP(direction string) []byte {
	s.pbxVersion++
	return writeSDP(1, s.pbxVersion, s.pbxAudio.Addr(), []uint8{payloadPCMU, payloadPCMA}, direction)
}

func (s *scene) trunkSDP(direction string) []byte {
	s.trunkVers++
	return writeSDP(1, s.trunkVers, s.trunkAudio.Addr(), []uint8{payloadPCMU}, direction)
}

// trunkAnswer answers hold and resume, and stops or starts the trunk's audio.
func (s *scene) trunkAnswer(offer []byte) []byte {
	o, err := readSDP(offer)
	if err != nil {
		return s.trunkSDP(directionNone)
	}
	if o.direction == directionBoth || o.direction == directionRecv {
		s.trunkAudio.Send(o.audio)
	} else {
		s.trunkAudio.Pause()
	}
	return s.trunkSDP(mirrored(o.direction))
}

// hold puts the trunk on hold and listens for what still comes.
func (s *scene) hold(ctx context.Context) error {
	s.pbxAudio.Pause()
	body, err := s.caller.Reinvite(ctx, s.pbxSDP(directionSend))
	if err != nil {
		return err
	}
	answer, err := readSDP(body)
	if err != nil {
		return fmt.Errorf("answer to hold: %w", err)
	}
	if answer.direction != directionRecv && answer.direction != directionNone {
		return fmt.Errorf("answer to hold is %s", answer.direction)
	}
	if err := pause(ctx, settleTime); err != nil {
		return err
	}
	before := s.pbxAudio.Heard().Packets
	err = pause(ctx, s.o.Hold)
	s.result.HeldPackets = s.pbxAudio.Heard().Packets - before
	return err
}

// resume takes the call off hold and sees that both sides hear each other.
func (s *scene) resume(ctx context.Context) error {
	body, err := s.caller.Reinvite(ctx, s.pbxSDP(directionBoth))
	if err != nil {
		return err
	}
	answer, err := readSDP(body)
	if err != nil {
		return fmt.Errorf("answer to resume: %w", err)
	}
	if answer.direction != directionBoth {
		return fmt.Errorf("answer to resume is %s", answer.direction)
	}
	pbx, trunk := s.pbxAudio.Heard().Tone, s.trunkAudio.Heard().Tone
	s.pbxAudio.Send(answer.audio)
	if err := pause(ctx, s.o.Talk/2); err != nil {
		return err
	}
	s.result.SurvivedHold = s.pbxAudio.Heard().Tone > pbx && s.trunkAudio.Heard().Tone > trunk
	return nil
}

func (s *scene) hangUp(ctx context.Context) error {
	s.pbxAudio.Pause()
	s.trunkAudio.Pause()
	if err := pause(ctx, settleTime); err != nil {
		return err
	}
	s.count()
	if err := s.caller.Bye(ctx); err != nil {
		return err
	}
	select {
	case <-s.callee.Ended():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the trunk was not told: %w", ctx.Err())
	}
}

func (s *scene) count() {
	s.result.ToTrunk = Flow{Sent: s.pbxAudio.Sent(), Heard: s.trunkAudio.Heard()}
	s.result.ToPBX = Flow{Sent: s.trunkAudio.Sent(), Heard: s.pbxAudio.Heard()}
}

func (s *scene) record(ctx context.Context) error {
	if s.o.CDR == nil {
		return nil
	}
	var err error
	s.result.CDR, err = s.o.CDR(ctx)
	return err
}

// pause lets time pass unless the context ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
