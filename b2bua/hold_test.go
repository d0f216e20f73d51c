package b2bua_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gatehouse/media/profile"
	"gatehouse/media/sdp"
)

// step is one re-INVITE that is agreed: what its sender says, what the other
// side hears of it and answers, and what the sender hears.
type step struct {
	by                         string
	says, hears, answers, back string // directions; "0.0.0.0 dir" is the old way to hold
}

// holdSteps plays steps one after the other in an established call of audio
// and checks every body word for word, versions included.
func holdSteps(steps []step) string {
	var b strings.Builder
	seq := map[string]int{"A": 1, "B": 50}
	said := map[string]int{"A": 1, "B": 7}
	version := map[string]int{"A": 1, "B": 1}
	last := map[string]string{"A": "sendrecv", "B": "sendrecv"} // what each heard last
	hear := func(who, direction string) string {
		if last[who] != direction {
			last[who] = direction
			version[who]++
		}
		return hears(who, version[who], relayed(who, direction)...)
	}
	for _, s := range steps {
		o := far(s.by)
		seq[s.by]++
		said[s.by]++
		said[o]++
		b.WriteString(offers(s.by, seq[s.by], says(s.by, said[s.by], held(s.by, s.says)...), hear(o, s.hears)))
		b.WriteString(settles(s.by, seq[s.by], says(o, said[o], held(o, s.answers)...), hear(s.by, s.back)))
	}
	return b.String()
}

// held is the audio of a peer; "0.0.0.0" before the direction holds it the old
// way (RFC 2543).
func held(who, direction string) []string {
	null, isNull := strings.CutPrefix(direction, "0.0.0.0 ")
	if !isNull {
		return audio(who, direction)
	}
	lines := audio(who, null)
	return slices.Insert(lines, 1, "c=IN IP4 0.0.0.0")
}

var resumeA = step{"A", "sendrecv", "sendrecv", "sendrecv", "sendrecv"}
var resumeB = step{"B", "sendrecv", "sendrecv", "sendrecv", "sendrecv"}

func TestB082_Hold_EveryStyleBySideAAndResume(t *testing.T) {
	for _, tc := range []struct {
		name string
		hold step
		flow string
	}{
		{"sendonly", step{"A", "sendonly", "sendonly", "recvonly", "recvonly"}, ">"},
		{"sendonly answered inactive", step{"A", "sendonly", "sendonly", "inactive", "inactive"}, "-"},
		{"inactive", step{"A", "inactive", "inactive", "inactive", "inactive"}, "-"},
		{"recvonly", step{"A", "recvonly", "recvonly", "sendonly", "sendonly"}, "<"},
		{"recvonly answered inactive", step{"A", "recvonly", "recvonly", "inactive", "inactive"}, "-"},
		// A peer that answers more than it was offered is cut down to it.
		{"sendonly answered sendrecv", step{"A", "sendonly", "sendonly", "sendrecv", "recvonly"}, ">"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			play(t, both(flowsAre(t, "<>", tc.flow, "<>"), nothingLeft(t)),
				talking(), holdSteps([]step{tc.hold, resumeA}), hangsUp("A", 9))
		})
	}
}

func TestB082_Hold_EveryStyleBySideBAndResume(t *testing.T) {
	for _, tc := range []struct {
		name string
		hold step
		flow string
	}{
		{"sendonly", step{"B", "sendonly", "sendonly", "recvonly", "recvonly"}, "<"},
		{"inactive", step{"B", "inactive", "inactive", "inactive", "inactive"}, "-"},
		{"recvonly", step{"B", "recvonly", "recvonly", "sendonly", "sendonly"}, ">"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			play(t, both(flowsAre(t, "<>", tc.flow, "<>"), nothingLeft(t)),
				talking(), holdSteps([]step{tc.hold, resumeB}), hangsUp("B", 90))
		})
	}
}

func TestB083_OldHold_IsUnderstoodAndNothingIsSentToNowhere(t *testing.T) {
	for _, tc := range []struct {
		name string
		hold step
		flow string
	}{
		// The answer follows the direction attribute, what goes on is a hold.
		{"sendrecv", step{"A", "0.0.0.0 sendrecv", "sendonly", "recvonly", "sendrecv"}, ">"},
		{"sendonly", step{"A", "0.0.0.0 sendonly", "sendonly", "recvonly", "recvonly"}, ">"},
		{"inactive", step{"A", "0.0.0.0 inactive", "inactive", "inactive", "inactive"}, "-"},
		{"answered with a hold", step{"A", "0.0.0.0 sendrecv", "sendonly", "inactive", "sendonly"}, "-"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			play(t, both(flowsAre(t, "<>", tc.flow, "<>"), func(r *rig) {
				s := r.media.history()[1][0]
				if s.A.RTP.IsValid() || s.A.RTCP.IsValid() {
					t.Errorf("media for the holder goes to %v, RTCP to %v", s.A.RTP, s.A.RTCP)
				}
				sendsTo(t, lastStreams(t, r)[0].A, "10.0.0.20:4000")
			}, nothingLeft(t)), talking(), holdSteps([]step{tc.hold, resumeA}), hangsUp("A", 9))
		})
	}
}

func TestB082_DoubleHold_EachSideKeepsItsOwn(t *testing.T) {
	aHolds := step{"A", "sendonly", "sendonly", "recvonly", "recvonly"}
	bHoldsToo := step{"B", "sendonly", "sendonly", "inactive", "inactive"}
	for _, tc := range []struct {
		name  string
		steps []step
		flows []string
	}{
		{"A holds, B holds, B resumes, A resumes", []step{aHolds, bHoldsToo,
			{"B", "sendrecv", "sendrecv", "sendonly", "sendonly"}, resumeA}, []string{"<>", ">", "-", ">", "<>"}},
		{"A holds, B holds, A resumes, B resumes", []step{aHolds, bHoldsToo,
			{"A", "sendrecv", "sendrecv", "sendonly", "sendonly"}, resumeB}, []string{"<>", ">", "-", "<", "<>"}},
		{"inactive on both sides", []step{
			{"A", "inactive", "inactive", "inactive", "inactive"},
			{"B", "inactive", "inactive", "inactive", "inactive"},
			// B did not refuse media by answering inactive to inactive, but by its own hold.
			{"A", "sendrecv", "sendrecv", "inactive", "inactive"}, resumeB}, []string{"<>", "-", "-", "-", "<>"}},
		{"the old way on both sides", []step{
			{"A", "0.0.0.0 sendrecv", "sendonly", "recvonly", "sendrecv"},
			{"B", "0.0.0.0 sendrecv", "sendonly", "0.0.0.0 inactive", "sendonly"},
			{"A", "sendrecv", "sendrecv", "0.0.0.0 sendonly", "sendonly"}, resumeB}, []string{"<>", ">", "-", "<", "<>"}},
		{"refresh by the held side repeats its answer", []step{aHolds,
			{"B", "recvonly", "recvonly", "sendonly", "sendonly"}, resumeA}, []string{"<>", ">", ">", "<>"}},
		{"refresh by the held side asks for all", []step{aHolds,
			{"B", "sendrecv", "sendrecv", "sendonly", "sendonly"}, resumeA}, []string{"<>", ">", ">", "<>"}},
		{"refresh by the holder", []step{aHolds, aHolds, resumeA}, []string{"<>", ">", ">", "<>"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			play(t, both(flowsAre(t, tc.flows...), nothingLeft(t)), talking(), holdSteps(tc.steps), hangsUp("A", 9))
		})
	}
}

func TestB082_HeldAtSetup_ThenResumed(t *testing.T) {
	for _, tc := range []struct {
		says, hears, answers, back, flow string
	}{
		{"sendonly", "sendonly", "recvonly", "recvonly", ">"},
		{"inactive", "inactive", "inactive", "inactive", "-"},
		{"recvonly", "recvonly", "sendonly", "sendonly", "<"},
		{"0.0.0.0 sendrecv", "sendonly", "recvonly", "sendrecv", ">"},
		{"sendrecv", "sendrecv", "sendonly", "sendonly", "<"},
		{"sendrecv", "sendrecv", "0.0.0.0 inactive", "inactive", "-"},
	} {
		t.Run(tc.says+" answered "+tc.answers, func(t *testing.T) {
			resume := offers("A", 2, says("A", 2, audio("A", "sendrecv")...), hears("B", changedBy(tc.hears), relayed("B", "sendrecv")...)) +
				settles("A", 2, says("B", 8, audio("B", "sendrecv")...), hears("A", changedBy(tc.back), relayed("A", "sendrecv")...))
			play(t, both(flowsAre(t, tc.flow, "<>"), nothingLeft(t)),
				setup(says("A", 1, held("A", tc.says)...), hears("B", 1, relayed("B", tc.hears)...)),
				pickUp(says("B", 7, held("B", tc.answers)...), hears("A", 1, relayed("A", tc.back)...)), ackA,
				resume, hangsUp("A", 9))
		})
	}
}

// changedBy is the version of a second body with all directions open.
func changedBy(before string) int {
	if before == "sendrecv" {
		return 1
	}
	return 2
}

func TestB065_HoldRefused_BothSidesKeepWhatTheyHad(t *testing.T) {
	for _, tc := range []struct{ status, got string }{
		{"488 Not Acceptable Here", "488 Not Acceptable Here"},
		{"500 Server Internal Error", "500 Server Internal Error"},
		{"503 Service Unavailable", "500 Server Internal Error"},
		{"491 Request Pending", "491 Request Pending"},
		{"603 Decline", "603 Decline"},
		{"302 Moved Temporarily", "488 Not Acceptable Here"},
	} {
		t.Run(tc.status, func(t *testing.T) {
			play(t, both(flowsAre(t, "<>"), nothingLeft(t)), talking(),
				offers("A", 2, says("A", 2, audio("A", "sendonly")...), hears("B", 2, relayed("B", "sendonly")...)),
				refused("A", 2, tc.status, tc.got), `
quiet 60s
`, hangsUp("A", 9))
		})
	}
}

func TestB065_RefreshAfterARefusedHold_ShowsTheStandingSession(t *testing.T) {
	// B refused the hold, so a refresh of B meets a caller that does not hold;
	// the number of the refused offer is never used again.
	play(t, both(flowsAre(t, "<>", "<>", ">"), nothingLeft(t)), talking(),
		offers("A", 2, says("A", 2, audio("A", "sendonly")...), hears("B", 2, relayed("B", "sendonly")...)),
		refused("A", 2, "488 Not Acceptable Here", "488 Not Acceptable Here"),
		offers("B", 50, says("B", 7, audio("B", "sendrecv")...), hears("A", 1, relayed("A", "sendrecv")...)),
		settles("B", 50, says("A", 1, audio("A", "sendrecv")...), hears("B", 1, relayed("B", "sendrecv")...)),
		offers("A", 3, says("A", 3, audio("A", "sendonly")...), hears("B", 3, relayed("B", "sendonly")...)),
		settles("A", 3, says("B", 8, audio("B", "recvonly")...), hears("A", 2, relayed("A", "recvonly")...)),
		hangsUp("A", 9))
}

func TestB068_BothSidesHoldAtOnce_OneIsRefusedAndNothingIsStale(t *testing.T) {
	holdOfA := offers("A", 2, says("A", 2, audio("A", "sendonly")...), hears("B", 2, relayed("B", "sendonly")...))
	refusedB := request("B", "INVITE", 50) + says("B", 8, audio("B", "inactive")...) + trying("B") + refusal("B", 50, "491 Request Pending")
	answered := settles("A", 2, says("B", 8, audio("B", "recvonly")...), hears("A", 2, relayed("A", "recvonly")...))
	again := offers("B", 51, says("B", 9, audio("B", "inactive")...), hears("A", 3, relayed("A", "inactive")...)) +
		settles("B", 51, says("A", 3, audio("A", "inactive")...), hears("B", 3, relayed("B", "inactive")...))
	t.Run("the other one goes on", func(t *testing.T) {
		play(t, both(flowsAre(t, "<>", ">", "-"), nothingLeft(t)), talking(), holdOfA, refusedB, answered, again, hangsUp("A", 9))
	})
	t.Run("B refuses ours as well", func(t *testing.T) {
		play(t, both(flowsAre(t, "<>", "-"), nothingLeft(t)), talking(), holdOfA, refusedB,
			refused("A", 2, "491 Request Pending", "491 Request Pending"),
			offers("B", 51, says("B", 9, audio("B", "inactive")...), hears("A", 2, relayed("A", "inactive")...)),
			settles("B", 51, says("A", 3, audio("A", "inactive")...), hears("B", 3, relayed("B", "inactive")...)), hangsUp("A", 9))
	})
}

// TestB084_AnySequenceOfHolds_EachSideKeepsItsOwnWish lets both sides hold and
// resume at random and compares every body with a model:
// what a side hears is what the other wants now.
func TestB084_AnySequenceOfHolds_EachSideKeepsItsOwnWish(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := holdModel{rng: rand.New(rand.NewPCG(seed, 84)), wish: map[string]sdp.Direction{"A": sdp.SendRecv, "B": sdp.SendRecv}, flows: []string{"<>"}}
			var steps []step
			for range 10 {
				steps = append(steps, m.next())
			}
			play(t, both(flowsAre(t, m.flows...), nothingLeft(t)), talking(), holdSteps(steps), hangsUp("A", 40))
		})
	}
}

type holdModel struct {
	rng   *rand.Rand
	wish  map[string]sdp.Direction
	flows []string
}

func (m *holdModel) next() step {
	who := []string{"A", "B"}[m.rng.IntN(2)]
	o := far(who)
	said := []sdp.Direction{sdp.SendRecv, sdp.SendOnly, sdp.RecvOnly, sdp.Inactive}[m.rng.IntN(4)]
	wish, words := said, said.String()
	if m.rng.IntN(4) == 0 {
		wish, words = said.And(sdp.SendOnly), "0.0.0.0 "+words
	}
	m.wish[who] = wish
	answer := m.wish[o].And(wish.Reverse())
	m.flows = append(m.flows, m.flow())
	return step{who, words, wish.String(), answer.String(), m.wish[o].And(said.Reverse()).String()}
}

func (m *holdModel) flow() string {
	a, b := m.wish["A"], m.wish["B"]
	return flowOf(profile.Stream{Kind: profile.RTP, A: profile.Side{Sends: a.Sends() && b.Receives()}, B: profile.Side{Sends: b.Sends() && a.Receives()}})
}
