package transport

import (
	"fmt"
	"time"
)

// writeLoop writes the queue until the connection ends. On return nothing is queued and nothing can be.
func (c *Conn) writeLoop() {
	defer close(c.writerDone)
	for {
		batch, state := c.take()
		switch {
		case state == connClosed:
			c.fail(batch, CauseWriteError)
			return
		case len(batch) > 0:
			c.write(batch)
		case state == connEnding:
			c.mu.Lock()
			linger := c.linger
			c.mu.Unlock()
			if !linger {
				_ = c.nc.Close() // wakes the reader
			}
			return
		default:
			<-c.wake
		}
	}
}

// take gives what is queued, and the state it was queued in.
func (c *Conn) take() ([]outgoing, connState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch := c.queue
	c.queue = c.spare[:0]
	c.spare = nil
	return batch, c.state
}

// write writes a batch; on an error it cuts the connection and reports what was not written.
func (c *Conn) write(batch []outgoing) {
	for i, o := range batch {
		c.mu.Lock()
		by := time.Now().Add(c.stack.limits.WriteTimeout)
		if c.state == connEnding && c.endBy.Before(by) {
			by = c.endBy
		}
		_ = c.nc.SetWriteDeadline(by)
		c.mu.Unlock()
		if _, err := c.nc.Write(o.raw); err != nil {
			c.kill(fmt.Errorf("write to tcp://%s: %w", c.remote, err))
			c.fail(batch[i:], CauseWriteError)
			return
		}
		c.wrote(o)
	}
	if cap(batch) > keepQueueMessages {
		return
	}
	clear(batch)
	c.mu.Lock()
	c.spare = batch[:0]
	c.mu.Unlock()
}

func (c *Conn) wrote(o outgoing) {
	if o.kind == outMessage {
		c.stack.count.message(Out, o.method, statusOf(o.raw))
	}
	c.unqueued(o)
}

func (c *Conn) unqueued(o outgoing) {
	c.mu.Lock()
	c.bytes -= len(o.raw)
	c.mu.Unlock()
	c.stack.count.queuedBytes.Add(-int64(len(o.raw)))
}

// fail reports messages that were not written.
func (c *Conn) fail(batch []outgoing, cause Cause) {
	c.mu.Lock()
	err := c.cause
	c.mu.Unlock()
	if err == nil {
		err = errConnEnded
	}
	for _, o := range batch {
		c.unqueued(o)
		c.stack.count.drop(cause)
		if o.branch != "" {
			c.stack.handler.SendFailed(o.branch, o.method, err)
		}
	}
}
