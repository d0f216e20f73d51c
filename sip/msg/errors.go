package msg

// Error says why a message is refused and what a request of that kind deserves as its answer. Values are shared and
// must not be changed. A response that fails is dropped, whatever the code.
type Error struct {
	// Code is the status code for the answer: 400, 414, 505 or 513.
	Code int
	// Reason is short ASCII text that may stand in the status line and says what was wrong.
	Reason string
}

// Error implements error.
func (e *Error) Error() string { return "malformed message: " + e.Reason }

// What Parse refuses.
var (
	errTooLarge      = &Error{513, "Message Too Large"}
	errStartLong     = &Error{414, "Request-URI Too Long"}
	errStartLine     = &Error{400, "Malformed Start Line"}
	errMethodName    = &Error{400, "Malformed Method"}
	errRequestURI    = &Error{400, "Malformed Request-URI"}
	errVersion       = &Error{505, "Version Not Supported"}
	errStatusCode    = &Error{400, "Malformed Status Code"}
	errNoEnd         = &Error{400, "Header Section Not Ended"}
	errLineEnd       = &Error{400, "Bare CR or LF in Header"}
	errName          = &Error{400, "Malformed Header Name"}
	errControl       = &Error{400, "Control Character in Header"}
	errHeaderLong    = &Error{400, "Header Too Long"}
	errHeaderCount   = &Error{400, "Too Many Headers"}
	errViaCount      = &Error{400, "Too Many Via Values"}
	errDuplicate     = &Error{400, "Duplicate Header"}
	errVia           = &Error{400, "Malformed Via"}
	errFrom          = &Error{400, "Malformed From"}
	errTo            = &Error{400, "Malformed To"}
	errContact       = &Error{400, "Malformed Contact"}
	errCallID        = &Error{400, "Malformed Call-ID"}
	errCSeq          = &Error{400, "Malformed CSeq"}
	errCSeqMethod    = &Error{400, "CSeq Method Mismatch"}
	errMaxForwards   = &Error{400, "Malformed Max-Forwards"}
	errContentLength = &Error{400, "Malformed Content-Length"}
	errNoLength      = &Error{400, "Missing Content-Length"}
	errShortBody     = &Error{400, "Body Shorter Than Content-Length"}
	errLongBody      = &Error{400, "Body Longer Than Content-Length"}
	errNoVia         = &Error{400, "Missing Via"}
	errNoFrom        = &Error{400, "Missing From"}
	errNoTo          = &Error{400, "Missing To"}
	errNoCallID      = &Error{400, "Missing Call-ID"}
	errNoCSeq        = &Error{400, "Missing CSeq"}
)
