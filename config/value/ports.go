package value

import (
	"fmt"
	"strconv"
	"strings"

	"gatehouse/config/strict"
)

const (
	// minMediaPort keeps the relay off the ports that need privileges.
	minMediaPort = 1024
	// minMediaPorts is one RTP and RTCP pair, the least that can carry a stream.
	minMediaPorts = 2
)

// PortRange is an inclusive range of ports.
type PortRange struct {
	// Low and High both belong to the range.
	Low, High uint16
}

// Len returns how many ports the range has.
func (r PortRange) Len() int {
	if r.High < r.Low {
		return 0
	}
	return int(r.High) - int(r.Low) + 1
}

// Contains reports whether port p is in the range.
func (r PortRange) Contains(p uint16) bool { return r.Low <= p && p <= r.High }

// Overlaps reports whether the two ranges share a port.
func (r PortRange) Overlaps(o PortRange) bool { return r.Low <= o.High && o.Low <= r.High }

// String writes the range as the file does, LOW-HIGH.
func (r PortRange) String() string {
	return strconv.Itoa(int(r.Low)) + "-" + strconv.Itoa(int(r.High))
}

// ParsePorts takes LOW-HIGH. A range that ends on an even port loses that
// port, which has no partner, and unused tells.
func ParsePorts(s string) (r PortRange, unused bool, err error) {
	low, high, ok := strings.Cut(s, "-")
	if !ok {
		return PortRange{}, false, fmt.Errorf("want a range of ports such as 16384-32767, got %s", strict.Quote(s))
	}
	if r.Low, err = parsePort(strings.TrimSpace(low), 1); err != nil {
		return PortRange{}, false, err
	}
	if r.High, err = parsePort(strings.TrimSpace(high), 1); err != nil {
		return PortRange{}, false, err
	}
	switch {
	case r.High < r.Low:
		return PortRange{}, false, fmt.Errorf("the range %s ends before it starts", strict.Plain(s))
	case r.Low < minMediaPort:
		return PortRange{}, false, fmt.Errorf("the range %s has ports below %d", strict.Plain(s), minMediaPort)
	case r.Low%2 != 0:
		return PortRange{}, false, fmt.Errorf("the range %s starts on an odd port: RTP takes an even one, RTCP the next, so start at %d", strict.Plain(s), r.Low+1)
	}
	if r.High%2 == 0 {
		r.High, unused = r.High-1, true
	}
	if r.Len() < minMediaPorts || r.High < r.Low {
		return PortRange{}, false, fmt.Errorf("the range %s is too small: one stream takes %d ports", strict.Plain(s), minMediaPorts)
	}
	return r, unused, nil
}
