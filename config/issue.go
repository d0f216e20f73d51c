package config

import (
	"gatehouse/config/reference"
	"gatehouse/config/strict"
)

// Pos is a place in the file; both numbers start at 1, and 0 means unknown.
type Pos = strict.Pos

// Issue is one remark about the file. Its String is FILE:LINE:COL: path: message.
type Issue = strict.Issue

// Severity tells mistakes from advice.
type Severity = strict.Severity

// An Error makes the file unusable, a Warning does not.
const (
	Error   = strict.Error
	Warning = strict.Warning
)

// Errors is every mistake of one file, sorted by position. It is the error
// that Load returns.
type Errors = strict.Errors

// Key describes one key of the file.
type Key = strict.Key

// Section describes one mapping of the file.
type Section = strict.Section

// Reference returns the whole format, section by section.
func Reference() []Section { return reference.Sections() }
