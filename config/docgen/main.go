// The command docgen writes docs/configuration.md from the reference of the
// package config. It owns the wording around the tables and nothing else; go
// generate runs it, and its test fails when the file is not current.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"gatehouse/config"
)

func main() {
	out := flag.String("o", "", "file to write")
	flag.Parse()
	if err := os.WriteFile(*out, []byte(render()), 0o644); err != nil { //nolint:gosec // documentation is for everybody
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// smallest is the smallest file that works; a test loads it.
const smallest = `zones:
  inside:
    listen: [udp://10.0.0.1:5060]
    trust: full
    media: {address: 10.0.0.1, ports: 16384-32767}
  outside:
    listen: [udp://203.0.113.10:5060]
    media: {address: 203.0.113.10, ports: 16384-32767}
peers:
  pbx: {zone: inside, address: sip:10.0.0.20}
  carrier: {zone: outside, address: sip:192.0.2.1}
routes:
  - {name: outbound, from: pbx, called: ["+*", "00*"], to: carrier}
  - {name: inbound, from: carrier, to: pbx}
`

const head = `# Configuration

<!-- Written by config/docgen from the package config: run "go generate ./config" instead of editing it. -->

Gatehouse reads one YAML file: ` + "`gatehouse run -c FILE`. `gatehouse check FILE`" + ` reports everything that is wrong with a
file at once, as ` + "`FILE:LINE:COL: path: message`" + ` in the order of the file, and advice as lines that start with
` + "`warning:`" + `. It exits with 0 when the file can be used and with 1 when it cannot.

The smallest file that works:

` + "```yaml\n" + smallest + "```" + `

` + "`config/testdata/full.yaml`" + ` is a commented file with every key.

## Rules of the file

- The file is one YAML document of UTF-8 text, at most 1 MB. Unknown and duplicate keys and wrong types are mistakes. Keys
  that the format will have but this version has not are refused with "not supported by this version yet".
- Anchors, aliases and ` + "`<<`" + ` merges work; YAML tags such as ` + "`!!str`" + ` are refused.
- Durations carry their unit: ` + "`30s`, `5m`, `4h`" + `.
- Names of nodes, zones, peers and routes have at most 63 letters, digits, dots, dashes and underscores, a letter or digit first.
- Relative paths count from the directory of the file.
- A secret is never written into the file: it comes from a file (` + "`token_file: PATH`, `key_file: PATH`" + `) or, a token, from an
  environment variable (` + "`token: ${NAME}`" + `). Variables are expanded in secrets only.
- Certificates, keys and CA files are PEM. ` + "`gatehouse check`" + ` reads them too: text that is no PEM and a key that does not fit
  are mistakes; a date that is over or still to come, and a key that every user of the machine may read, are advice.

## Who is who

A request belongs to the zone of the listener it arrived on, and to the peer of that zone whose ` + "`source`" + ` holds its address
and whose ` + "`match`" + ` it fits. The longest prefix is looked at first; of several peers with the same prefix the one whose match
asks most, then the first of the file. A request that fits none of them goes on to the next shorter prefix. The source of a peer
is what its file says, else the addresses in ` + "`address`" + `; names there are resolved at the start and again while the gateway runs.

Before that the ` + "`acl`" + ` of the zone may deny the address: it gets no answer, whoever claims it. A source that no peer claims is
treated as the zone's ` + "`unknown`" + ` says, within the limits of ` + "`security`" + `.

## TLS

A connection is secured in three cases: somebody connects to a tls or wss listener, we connect to an address with sips: or with
transport=tls or wss, or DNS names such a transport for a name. What we show is the certificate of the zone, or the peer's own
one: to the peer when we connect, and on the listeners of its zone to whoever asks for a name in it (SNI). Whom we believe when
we connect is ` + "`ca`" + ` of the peer, and the certificate must hold the host of the address (RFC 5922 §7.2). Clients are asked for a
certificate when the zone has ` + "`client_ca`" + `; then those that ` + "`ca`" + ` of a peer of the zone signed are accepted too, unless they hold the name
that tells another peer of the zone from it (` + "`match`, `certificate`" + `). A connection that cannot be secured is not made: nothing
falls back to a clear one.

## Reload

SIGHUP reads the file again. A file with mistakes changes nothing. Each key below says when a change counts:

| counts | meaning |
|---|---|
| at once | for everything, calls that are up too |
| new calls | for calls that start after the reload; those that are up keep what they started with |
| restart | not while the gateway runs: a reload that changes it is refused as a whole |

`

func render() string {
	var b strings.Builder
	b.WriteString(head)
	b.WriteString("## Keys\n")
	for _, s := range config.Reference() {
		section(&b, s)
	}
	return b.String()
}

func section(b *strings.Builder, s config.Section) {
	title := "The document"
	if s.Path != "" {
		title = "`" + s.Path + "`"
	}
	fmt.Fprintf(b, "\n### %s\n\n%s\n\n| key | value | default | counts | |\n|---|---|---|---|---|\n", title, s.Doc)
	var later []string
	for _, k := range s.Keys {
		if k.Later {
			later = append(later, "`"+k.Name+"`")
			continue
		}
		class := ""
		if c, ok := config.ClassOf(k.Field); ok {
			class = c.String()
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", k.Name, cell(k.Want), cell(preset(k)), class, cell(k.Doc))
	}
	if len(later) > 0 {
		fmt.Fprintf(b, "\nNot supported by this version yet: %s.\n", strings.Join(later, ", "))
	}
}

func preset(k config.Key) string {
	if k.Required {
		return "required"
	}
	return k.Default
}

// cell keeps a text inside its cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
