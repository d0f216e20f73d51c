package mime

// Bounds of what one body may hold. A body beyond any of them is refused, never cut.
const (
	// MaxParts is the number of leaf parts in a multipart body.
	MaxParts = 16
	// MaxDepth is how deep multipart bodies may nest.
	MaxDepth = 8
	// MaxBoundaryBytes is the longest multipart boundary (RFC 2046 §5.1.1).
	MaxBoundaryBytes = 70
	// MaxPartHeaders is the number of header lines of one part, as many as a message may have.
	MaxPartHeaders = 200
	// MaxPartHeaderBytes is the largest header line of a part, name, folding and line end included (bytes), as large
	// as one of a message.
	MaxPartHeaderBytes = 8192
)
