package demo

import (
	"bytes"
	"fmt"
	"time"
)

// print writes the ladder, the record and the figures. What the caller's
// writer refuses cannot be reported anywhere, so it is not looked at.
func (s *scene) print() {
	r, w := s.result, s.o.Out
	_, _ = fmt.Fprintf(w, "%s\n", r.Ladder)
	if len(r.CDR) > 0 {
		_, _ = fmt.Fprintf(w, "CDR\n  %s\n\n", bytes.TrimSpace(r.CDR))
	}
	_, _ = fmt.Fprintf(w, "setup delay        %s (INVITE at the PBX to INVITE at the trunk)\n", round(r.SetupDelay))
	_, _ = fmt.Fprintf(w, "answered after     %s\n", round(r.AnswerDelay))
	_, _ = fmt.Fprintf(w, "audio PBX -> trunk %s\n", r.ToTrunk.line(pbxTone))
	_, _ = fmt.Fprintf(w, "audio trunk -> PBX %s\n", r.ToPBX.line(trunkTone))
	_, _ = fmt.Fprintf(w, "held               %d packets reached the PBX during the hold; audio after it: %s\n",
		r.HeldPackets, yes(r.SurvivedHold))
	_, _ = fmt.Fprintf(w, "audio both ways    %s\n", yes(r.AudioBothWays()))
}

func (f Flow) line(hz int) string {
	h := f.Heard
	return fmt.Sprintf("%d packets sent, %d received, %d lost; %d Hz tone in %d of them: %s", f.Sent, h.Packets, h.Lost, hz, h.Tone, yes(h.Clear()))
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
