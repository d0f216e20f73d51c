package strict

// Limits of the file itself: they bound what a hostile or broken file costs,
// far above what a real one needs.
const (
	// MaxFileBytes is the largest file accepted.
	MaxFileBytes = 1 << 20
	// MaxDepth is how deep mappings and lists may nest; the format itself needs 7.
	MaxDepth = 16
	// MaxNodes is how many values a file may hold once its aliases are followed.
	MaxNodes = 200_000
	// MaxTextBytes is the longest single text, enough for any path or URI.
	MaxTextBytes = 4096
	// MaxNameBytes is the longest name; names are metric labels.
	MaxNameBytes = 63
	// MaxIssues is how many mistakes, and how many warnings, one run reports.
	MaxIssues = 1000
	// MaxListed is how many alternatives a message spells out.
	MaxListed = 12
	// maxSeparators bounds the newlines, commas and brackets before parsing, since one of them with its comment costs up to 1.6 KB while it is parsed.
	maxSeparators = 60_000
	// maxQuoted is how many characters of a bad value a message repeats.
	maxQuoted = 60
	// maxCompared is how many alternatives are compared with a misspelt word.
	maxCompared = 200
)
