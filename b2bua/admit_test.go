package b2bua_test

import (
	"strings"
	"testing"

	sip "gatehouse/internal/testlab/wire"
)

// tenantConfig has three peers behind one address, told apart by what they say.
const tenantConfig = `
node: gw1
zones:
  inside:
    listen: [udp://10.0.0.1:5060, udp://10.0.0.1:5070]
    media: {address: 10.0.0.1, ports: 16384-32767}
  outside:
    listen: [udp://203.0.113.10:5060]
    media: {address: 203.0.113.10, ports: 16384-32767}
peers:
  red: {zone: inside, address: "sip:10.0.0.20:5060", source: [10.0.0.20/32], match: {host: red.example}}
  blue: {zone: inside, address: "sip:10.0.0.20:5062", source: [10.0.0.20/32], match: {prefix: "77"}}
  green: {zone: inside, address: "sip:10.0.0.20:5064", source: [10.0.0.20/32], match: {port: 5070}}
  carrier: {zone: outside, address: "sip:203.0.113.20:5060"}
routes:
  - {name: red, from: red, to: [carrier]}
  - {name: blue, from: blue, to: [carrier]}
  - {name: green, from: green, to: [carrier]}
`

func TestAdmit_PeersOfOneSource_AreToldApartByWhatTheRequestSays(t *testing.T) {
	onPort := strings.NewReplacer("10.0.0.1:5060", "10.0.0.1:5070")
	for want, tc := range map[string]struct {
		peers, invite string
		code          int
	}{
		"red":   {peers, strings.ReplaceAll(inviteHead, "From: \"Reception\" <sip:100@10.0.0.20>", "From: <sip:100@red.example>"), 100},
		"blue":  {peers, strings.ReplaceAll(inviteHead, "+13125550100", "775550100"), 100},
		"green": {onPort.Replace(peers), inviteHead, 100},
		"":      {peers, inviteHead, 403},
	} {
		t.Run(want, func(t *testing.T) {
			script := tc.peers + tc.invite + sdpA
			if tc.code == 403 {
				script += "\n<A SIP/2.0 403 Forbidden\n<A ...\n"
			} else {
				script += "\n<A SIP/2.0 100 Trying\n<A ...\n\n<B INVITE ${*}\n<B ...\n" + fromB("486 Busy Here") + "\n<B ACK ${*}\n<B ...\n<A SIP/2.0 486 Busy Here\n<A ...\n"
			}
			play(t, func(r *rig) {
				if rec := r.cdrs.list()[0]; rec.FromPeer != want || rec.Route != want {
					t.Errorf("from %q by route %q, want %q", rec.FromPeer, rec.Route, want)
				}
			}, configured(tenantConfig), script, "repeats ignore\n")
		})
	}
}

func TestAdmit_PeerByItsCertificate(t *testing.T) {
	synctestCall := func(t *testing.T, name, want string) {
		secured(t, `"sips:trunk.example"`, "trunk.example", func(c *secureCall) {
			c.engine.SetSnapshot(compiled(t, strings.ReplaceAll(strings.Replace(secureConfig, "source: [10.0.0.20]}", "source: [10.0.0.20], match: {certificate: pbx.example}}", 1), "TARGETS", `"sips:trunk.example"`)))
			c.pbx.hangup()
			c.pbx.tls = c.papers.known("sbc.example", name)
			c.pbx.connect(addrOf("10.0.0.20"), "10.0.0.1:5061")
			if want == "" {
				c.pbx.say(c.side.request("INVITE", audioBody("10.0.0.20")))
				c.refused("403")
				return
			}
			c.call()
			c.carrier.say(sip.Reply(c.carrier.hear("INVITE "), "486 Busy Here", "b1", nil, ""))
			c.carrier.hear("ACK ")
			c.refused("486")
			if rec := c.cdrs.list()[0]; rec.FromPeer != want {
				t.Errorf("from %q, want %q", rec.FromPeer, want)
			}
		})
	}
	t.Run("its own", func(t *testing.T) { synctestCall(t, "pbx.example", "pbx") })
	t.Run("of somebody else", func(t *testing.T) { synctestCall(t, "evil.example", "") })
}
