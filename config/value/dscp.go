package value

import (
	"fmt"
	"strconv"
	"strings"

	"gatehouse/config/strict"
)

// maxDSCP is the largest code point: there are six bits, RFC 2474 §3.
const maxDSCP = 63

// Names of code points.
const (
	// expedited is the expedited forwarding of RFC 3246 §2.
	expedited = 46
	// classStep parts the classes, selectors (RFC 2474 §4.2.2) and assured ones (RFC 2597 §6); dropStep parts the drop precedences of an assured class.
	classStep, dropStep = 8, 2
)

// ParseDSCP takes a code point by name, cs0 to cs7, af11 to af43 or ef, or by
// its number.
func ParseDSCP(s string) (uint8, error) {
	name := strings.ToLower(s)
	switch {
	case name == "ef":
		return expedited, nil
	case len(name) == 3 && name[:2] == "cs" && '0' <= name[2] && name[2] <= '7':
		return (name[2] - '0') * classStep, nil
	case len(name) == 4 && name[:2] == "af" && '1' <= name[2] && name[2] <= '4' && '1' <= name[3] && name[3] <= '3':
		return (name[2]-'0')*classStep + (name[3]-'0')*dropStep, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > maxDSCP || strconv.Itoa(n) != s {
		return 0, fmt.Errorf("want cs0 to cs7, af11 to af43, ef or a number from 0 to %d, got %s", maxDSCP, strict.Quote(s))
	}
	return uint8(n), nil
}
