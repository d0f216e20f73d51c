// Package ladder plays scripted SIP peers against a system under test and
// compares every message the system sends with the one the script expects. It
// is what the golden tests of the B2BUA are written in: the peers A and B are
// lines of a text file, the system in between is real.
//
// Run plays a script in a testing/synctest bubble over an in-memory network,
// so a wait of 64*T1 costs nothing and nothing depends on scheduling. Script
// can also be played over any other transport.Net with Play. The package reads
// SIP with a tolerant reader of its own on purpose: a mistake shared by the
// system's parser and writer must not hide here. One goroutine reads each
// socket; everything else runs on the test's goroutine. Only tests import it.
//
// # A script
//
//	# A calls B, B answers, A hangs up.
//	peer A 10.0.0.20:5060 -> 10.0.0.1:5060
//	peer B 203.0.113.20:5060 -> 203.0.113.10:5060
//
//	A> INVITE sip:+13125550100@10.0.0.1 SIP/2.0
//	A> Via: SIP/2.0/UDP ${local};branch=${branch};rport
//	A> From: <sip:100@10.0.0.20>;tag=a1
//	A> To: <sip:+13125550100@10.0.0.1>
//	A> Call-ID: call-1@10.0.0.20
//	A> CSeq: 1 INVITE
//	A> Contact: <sip:100@${local}>
//
//	<A SIP/2.0 100 Trying
//	<A ...
//
//	<B INVITE sip:+13125550100@203.0.113.20:5060 SIP/2.0
//	<B Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK${:token};rport
//	<B From: <sip:100@203.0.113.10>;tag=${btag:token}
//	<B ${*}
//	<B ...
//	<B !Record-Route
//
//	B> SIP/2.0 200 OK
//	B> ${last Via}
//	B> ${last From}
//	B> ${last To};tag=b1
//	B> ${last Call-ID}
//	B> ${last CSeq}
//	B> Contact: <sip:b@${local}>
//
//	<A SIP/2.0 200 OK
//	<A ...
//	<B ACK sip:b@203.0.113.20:5060 SIP/2.0
//	<B ...
//	quiet 32s
//
// Consecutive lines with the same prefix are one message; a blank line, a
// comment, a directive, another prefix or, outside a body, a start line ends
// it. A prefix with nothing after it is the empty line before the body.
//
// # What is sent: X>
//
// Line ends become CRLF and Content-Length is added when the script gives
// none. Substitutions, after SIPp's keywords:
//
//	${local} ${remote}       the peer's own address, the system's address
//	${B.local}               the same of another peer
//	${branch}                a fresh Via branch; ${branch 2} the second last one
//	${last Via}              at the start of a line: every Via line of the last
//	                         message this peer received, names included; text
//	                         after it goes to the last of them. Elsewhere in a
//	                         line: the value of the first
//	${last INVITE Via}       of the last request received with that method
//	${last 200 To}           of the last response received with that code
//	${sent From}             as last, of the last message this peer sent;
//	                         ${sent INVITE From} of that method
//	${next_url}              URI of the last Contact received
//	${routes}                Route lines from the last Record-Route received,
//	                         reversed when that came in a response
//	${hex 0d 00}             raw bytes
//	${omit}                  drops the line: "Content-Length: ${omit}" sends none
//	${length}                length of the body; ${length-5} and ${length+5} lie
//	${name}                  what an expectation captured or `set name value` gave
//
// # What is expected: <X
//
// Without a line "..." the message must be exactly as written, line by line
// and in order, body included; Content-Length is then checked like any other
// header. A line "..." among the headers turns the block into a partial one:
// the start line must match, each header line written must be there, those of
// one name in the order written, others may be there too; the body is compared only when the block has
// one, there "..." stands for any lines. "!Name" says that no header of that
// name, compact or long, is present. Wildcards:
//
//	${*}            anything, also nothing
//	${x:token}      26 characters of lower-case base32, as sip/token makes them
//	${x:num}        digits;  ${x:port} 1 to 65535
//	${x:word}       at least one character up to a delimiter ( ;,<>"@:=?& or blank)
//	${x:any}        at least one character
//	${x}            what x captured before
//
// A name captures at its first match and must match the same text from then
// on; without a name ("${:token}") nothing is kept.
//
// # Directives
//
//	peer X [tcp] LOCAL -> REMOTE   a peer; UDP unless tcp is said
//	set NAME VALUE                 a variable
//	wait 500ms                     lets time pass
//	quiet 32s, quiet X 32s         lets time pass; nothing may be received
//	again X                        the next message at X repeats an earlier one byte for byte
//	resend X                       X sends its last message again
//	bytes X 0d0a0d0a               X sends raw bytes
//	disconnect X                   X closes its TCP connections and goes on listening
//	timeout 40s                    how long an expectation waits (5 s at first)
//	repeats ignore                 repeats received from here on are dropped unseen
//	forbid X VALUE...              no message received by X may hold VALUE, however encoded
//	| text                         a line of Script.Config, for the setup function
//
// At the end of a script no message may be left over at any peer.
//
// # Updating
//
// With `go test -update` an expectation without "..." that does not match is
// replaced by what came, tokens, media ports and SDP session numbers turned
// into named wildcards. `<A` alone asks for that. Partial blocks are written
// by people and are never replaced.
package ladder
