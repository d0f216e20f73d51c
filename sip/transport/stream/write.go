package stream

import "fmt"

// Enqueue gives a message to the writer. What goes wrong later is reported to the owner; a returned error is the only
// report of that failure.
func (c *Conn) Enqueue(o Outgoing) error {
	l, b := c.o.Limits, c.o.Budget
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state >= ending {
		return ErrEnded
	}
	n := len(o.Raw)
	if len(c.queue) >= l.QueueMessages || c.bytes > 0 && c.bytes+n > l.QueueBytes {
		return ErrQueueFull
	}
	if b.used.Add(int64(n)) > int64(c.o.Share) {
		b.used.Add(-int64(n))
		return ErrQueueFull
	}
	c.bytes += n
	c.queue = append(c.queue, o)
	c.startWriterLocked()
	return nil
}

// startWriterLocked starts the writer when there is something to write and it does not run.
func (c *Conn) startWriterLocked() {
	if c.state == open && !c.writing && len(c.queue) > 0 {
		c.writing = true
		go c.writeLoop()
	}
}

// writeLoop writes until nothing is queued. It runs only while the reader does, which waits for it.
func (c *Conn) writeLoop() {
	for {
		batch := c.take()
		if batch == nil {
			return
		}
		c.write(batch)
	}
}

// take gives what is queued. With nothing queued the writer is over.
func (c *Conn) take() []Outgoing {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		c.writing = false
		if c.flushed != nil {
			close(c.flushed)
			c.flushed = nil
		}
		return nil
	}
	batch := c.queue
	c.queue = c.spare[:0]
	c.spare = nil
	return batch
}

// write writes a batch; on an error it cuts the connection and reports what was not written.
func (c *Conn) write(batch []Outgoing) {
	for i, o := range batch {
		if err := c.writeOne(o.Raw); err != nil {
			c.Kill(fmt.Errorf("write: %w", err))
			c.fail(batch[i:])
			return
		}
		c.unqueued(o)
		if !o.ours {
			c.o.Owner.Sent(o)
		}
	}
	if cap(batch) > keepQueueMessages {
		return
	}
	clear(batch)
	c.mu.Lock()
	c.spare = batch[:0]
	c.mu.Unlock()
}

func (c *Conn) writeOne(raw []byte) error {
	c.sock.begin()
	defer c.sock.end()
	if c.ws != nil {
		return c.ws.Write(raw)
	}
	_, err := c.nc.Write(raw)
	return err
}

func (c *Conn) unqueued(o Outgoing) {
	c.mu.Lock()
	c.bytes -= len(o.Raw)
	c.mu.Unlock()
	c.o.Budget.used.Add(-int64(len(o.Raw)))
}

// Abandon cuts a connection that could not be opened and reports what was queued on it.
func (c *Conn) Abandon(cause error) {
	c.Kill(cause)
	c.mu.Lock()
	batch := c.queue
	c.queue = nil
	c.mu.Unlock()
	c.fail(batch)
}

// fail reports messages that were not written.
func (c *Conn) fail(batch []Outgoing) {
	err := c.Cause()
	for _, o := range batch {
		c.unqueued(o)
		if !o.ours {
			c.o.Owner.Failed(o, err)
		}
	}
}
