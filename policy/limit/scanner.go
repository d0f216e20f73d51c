package limit

// Scanner tells whether a User-Agent names a known attack tool, in whatever
// case and version. The names are those the tools give themselves; what they
// can also pretend to be, such as a popular softphone, is not among them. A
// name counts as a word of its own only: letters and digits may not stand
// before it, nor letters after it.
func Scanner(userAgent []byte) bool {
	word := false // whether the byte before belongs to a word
	for i, c := range userAgent {
		if !word && startsTool(userAgent[i:]) {
			return true
		}
		word = isLetter(c) || '0' <= c && c <= '9'
	}
	return false
}

func startsTool(s []byte) bool {
	for _, name := range [...]string{
		"friendly-scanner", "sipvicious", "svmap", "svwar", "svcrack", "sundayddr", // SIPVicious and its disguise
		"sippts", "pplsip", "sipcli", "sipsak", "sip-scan", "smap", "iwar", "gulp", "vaxsipuseragent",
	} {
		if hasPrefixFold(s, name) && (len(s) == len(name) || !isLetter(s[len(name)])) {
			return true
		}
	}
	return false
}

// hasPrefixFold compares with a lower-case ASCII text.
func hasPrefixFold(s []byte, lower string) bool {
	if len(s) < len(lower) {
		return false
	}
	for i := range len(lower) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
