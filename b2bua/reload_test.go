package b2bua_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/config"
	"gatehouse/policy/engine"
)

// compiled is the policy of a configuration.
func compiled(t *testing.T, text string) *engine.Snapshot {
	t.Helper()
	c, _, err := config.Load("next.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := engine.Compile(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

// reloadAfter puts another configuration in force a while after the script has
// begun. Listeners the new one does not name are out of the set, and stay open
// as those of live calls do.
func reloadAfter(t *testing.T, delay time.Duration, text string) func(*rig) {
	t.Helper()
	snapshot := compiled(t, text)
	return func(r *rig) {
		go func() {
			time.Sleep(delay)
			kept := &listenerSet{client: r.set.client}
			for _, l := range r.set.all {
				for _, z := range snapshot.Zones() {
					if z.Name == l.Zone() {
						kept.all = append(kept.all, l)
					}
				}
			}
			r.replaceListeners(kept)
			r.engine.SetSnapshot(snapshot)
		}()
	}
}

// insideOnly is the plain border without its outside.
const insideOnly = `
node: gw1
zones:
  inside:
    listen: [udp://10.0.0.1:5060, tcp://10.0.0.1:5060]
    trust: full
    media: {address: 10.0.0.1, ports: 16384-32767}
peers:
  pbx: {zone: inside, address: "sip:10.0.0.20:5060"}
  second: {zone: inside, address: "sip:10.0.0.30:5060"}
routes:
  - {name: outbound, from: pbx, to: [second]}
`

func TestReload_AdvertiseChangesWhileRinging_TheAnswerIsTaken(t *testing.T) {
	next := strings.Replace(plainConfig, "listen: [udp://203.0.113.10:5060,", "advertise: sbc.example.com\n    listen: [udp://203.0.113.10:5060,", 1)
	playWith(t, reloadAfter(t, time.Second, next), nothingLeft(t), peers, invite, ring, "\nwait 2s\n", answer, ackA, endA)
}

func TestReload_ZoneIsRemovedWhileItsCallIsUp_ByeReachesIt(t *testing.T) {
	playWith(t, reloadAfter(t, time.Second, insideOnly), nothingLeft(t), established, "\nwait 2s\n", endA)
}

func TestReload_ZoneIsRemovedWhileItsCallIsUp_ReinvitesPassBothWays(t *testing.T) {
	playWith(t, reloadAfter(t, time.Second, insideOnly), nothingLeft(t), established, "\nwait 2s\n",
		reinviteA, reinvitedA, ackReinviteA, endedByB)
}

func TestReload_ZoneIsRemovedWhileItsCallRings_CancelReachesIt(t *testing.T) {
	playWith(t, reloadAfter(t, time.Second, insideOnly), nothingLeft(t), peers, invite, ring, "\nwait 2s\n", cancelA, `
<B CANCEL sip:+13125550100@203.0.113.20:5060 SIP/2.0
<B ...
`, cancelled, `
B> SIP/2.0 200 OK
B> ${last CANCEL Via}
B> ${last CANCEL From}
B> ${last CANCEL To}
B> ${last CANCEL Call-ID}
B> ${last CANCEL CSeq}
`, refusedByB("487 Request Terminated"))
}

// A zone that advertises an IPv6 address shows it in brackets.
func TestAdvertise_IPv6_IsAReferenceInViaAndContact(t *testing.T) {
	next := strings.Replace(plainConfig, "listen: [udp://203.0.113.10:5060, tcp://203.0.113.10:5060]\n    media: {address: 203.0.113.10, ports: 16384-32767}",
		"advertise: \"2001:db8::99\"\n    listen: [\"udp://[2001:db8::10]:5060\"]\n    media: {address: \"2001:db8::10\", ports: 16384-32767}", 1)
	next = strings.ReplaceAll(strings.ReplaceAll(next, "sip:203.0.113.20:5060", "sip:[2001:db8::20]:5060"), "sip:203.0.113.30:5060", "sip:[2001:db8::30]:5060")
	text := prefixLines("| ", next)
	play(t, nothingLeft(t), text, `
peer A 10.0.0.20:5060 -> 10.0.0.1:5060
peer B [2001:db8::20]:5060 -> [2001:db8::10]:5060
`, inviteHead, sdpA, `
<A SIP/2.0 100 Trying
<A ...
<B INVITE sip:+13125550100@[2001:db8::20]:5060 SIP/2.0
<B Via: SIP/2.0/UDP [2001:db8::99]:5060;branch=${bbranch:word};rport
<B From: "Reception" <sip:100@[2001:db8::99]>;tag=${btag:token}
<B Call-ID: ${bcall:token}
<B Contact: <sip:${bcontact:token}@[2001:db8::99]:5060>
<B ...
`, "\nB> SIP/2.0 486 Busy Here\n"+replyB, `
<B ACK sip:+13125550100@[2001:db8::20]:5060 SIP/2.0
<B ...
<A SIP/2.0 486 Busy Here
<A ...
`, refusalACK)
}

func prefixLines(prefix, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(prefix + line)
	}
	return b.String()
}
