package crossing

import (
	"strconv"
	"strings"
)

// The ISDN causes we give ourselves (ITU-T Q.850).
const (
	CauseNormalClearing = 16
	CauseUnspecified    = 31 // also every status that is not listed
	CauseTimerExpiry    = 102
)

// Q850 finds the ISDN cause among reason values, 0 when there is none.
func Q850(values []string) int {
	for _, v := range values {
		proto, params, _ := strings.Cut(v, ";")
		if !strings.EqualFold(proto, "Q.850") {
			continue
		}
		if cause, ok := param(params, "cause"); ok {
			if n, err := strconv.Atoi(cause); err == nil {
				return n
			}
		}
	}
	return 0
}

// CauseIn finds the ISDN cause among the Reason lines of a message, 0 when
// there is none.
func CauseIn(lines []Header) int {
	for _, h := range lines {
		if h.Name == "Reason" {
			if cause := Q850([]string{h.Value}); cause != 0 {
				return cause
			}
		}
	}
	return 0
}

// Q850Reason writes the Reason value of a cause.
func Q850Reason(cause int) string { return "Q.850;cause=" + strconv.Itoa(cause) }

// CauseOfStatus maps a SIP status to its ISDN cause (RFC 3398 §8.2.6.1).
func CauseOfStatus(code int) int {
	switch code {
	case 404, 485, 604:
		return 1
	case 486, 600:
		return 17
	case 480:
		return 18
	case 401, 402, 403, 407, 603:
		return 21
	case 410:
		return 22
	case 482, 483:
		return 25
	case 484:
		return 28
	case 502:
		return 38
	case 400, 481, 500, 503:
		return 41
	case 405:
		return 63
	case 406, 415, 501:
		return 79
	case 408, 504:
		return 102
	case 413, 414, 416, 420, 421, 423, 505, 513:
		return 127
	default:
		return CauseUnspecified
	}
}

// StatusOfCause maps an ISDN cause to a SIP status (RFC 3398 §7.2.4.1); an
// unlisted cause gives 500.
func StatusOfCause(cause int) int {
	switch cause {
	case 1, 2, 3, 26:
		return 404
	case 17:
		return 486
	case 18:
		return 408
	case 19, 20, 31:
		return 480
	case 21, 55, 57, 87:
		return 403
	case 22, 23:
		return 410
	case 27:
		return 502
	case 28:
		return 484
	case 29, 79:
		return 501
	case 34, 38, 41, 42, 47, 58, 88:
		return 503
	case 65, 70:
		return 488
	case 102:
		return 504
	default:
		return 500
	}
}
