package memnet

const (
	// inboxDatagrams is how many datagrams wait in a socket before more are lost, as a kernel buffer of 4 MB would.
	inboxDatagrams = 8192
	// maxDatagramBytes is the largest UDP payload over IPv4; a longer one cannot be sent.
	maxDatagramBytes = 65507
	// windowBytes is what one direction of a stream holds, under way and unread, before writes block.
	windowBytes = 64 << 10
	// backlogConns is how many connections wait for Accept before more are refused.
	backlogConns = 4096
	// firstEphemeral is where automatic ports start (RFC 6335 §6), counted up and wrapped for each address.
	firstEphemeral = 49152
)
