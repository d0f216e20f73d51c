package call

import "strconv"

func utoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
