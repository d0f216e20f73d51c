package sdp

import "errors"

// ErrLimit says that a description is larger than we accept: bytes, m-lines, formats or candidates (limits.go).
var ErrLimit = errors.New("session description over a limit")

// ErrSyntax says that a body is no session description, or one whose media cannot be told apart.
var ErrSyntax = errors.New("malformed session description")
