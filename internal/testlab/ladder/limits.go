package ladder

import "time"

// defaultTimeout is how long an expectation waits before the script says
// otherwise: longer than T2, so that a first retransmission is never missed.
const defaultTimeout = 5 * time.Second

// maxScriptLine bounds one line of a script, in bytes: one message of the
// largest legal size may stand on one.
const maxScriptLine = 128 << 10

// maxDatagram is the largest datagram a peer can receive, in bytes.
const maxDatagram = 65535

// queuedMessages bounds what a peer holds unread; more is a flood the script
// did not ask for, and fails it.
const queuedMessages = 4096
