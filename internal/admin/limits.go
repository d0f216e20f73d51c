package admin

import "time"

const (
	// headTimeout, readTimeout and writeTimeout bound one request; a scrape or
	// a reload on a busy machine needs seconds.
	headTimeout  = 5 * time.Second
	readTimeout  = 10 * time.Second
	writeTimeout = 30 * time.Second
	// idleTimeout is how long a kept connection waits for its next request.
	idleTimeout = 60 * time.Second
	// maxHeadBytes bounds a request's head, in bytes.
	maxHeadBytes = 16 << 10
	// maxBodyBytes bounds a request's body; none of the present ones has any use for one.
	maxBodyBytes = 64 << 10
	// defaultConns bounds the open connections where Options do not.
	defaultConns = 128
	// MinTokenBytes is the shortest token accepted: it cannot be guessed over
	// the network when it is random.
	MinTokenBytes = 16
)
