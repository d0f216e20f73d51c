package files

import (
	"strings"
	"unicode"

	"gatehouse/config/strict"
	"gatehouse/config/value"
)

// MinTokenBytes is the shortest token: it cannot be guessed over the network
// when it is random.
const MinTokenBytes = 16

// TokenFile takes the path of a file whose one line is a token, and the token.
func (f *Files) TokenFile(v strict.Value) (path string, token value.Secret) {
	path, data := f.Load(v, "token", strict.MaxTextBytes, true)
	if data != nil {
		token = f.token(v.Place, strings.TrimSpace(string(data)))
	}
	return path, token
}

// TokenVariable takes ${NAME} and nothing else: a secret written into the file
// would end up in backups and version control. No message repeats the value.
func (f *Files) TokenVariable(v strict.Value, env func(string) (string, bool)) value.Secret {
	text, _ := v.Scalar()
	name, isVar := strings.CutPrefix(text, "${")
	name, closed := strings.CutSuffix(name, "}")
	if !isVar || !closed || !validEnvName(name) {
		f.d.Fail(v.Place, "want ${NAME}, an environment variable: a secret is not written into this file")
		return value.Secret{}
	}
	text, set := env(name)
	if !set || text == "" {
		f.d.Fail(v.Place, "the environment variable %s is not set", name)
		return value.Secret{}
	}
	return f.token(v.Place, text)
}

func validEnvName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		digit := '0' <= c && c <= '9'
		if !letter && (!digit || i == 0) {
			return false
		}
	}
	return s != "" && len(s) <= strict.MaxTextBytes
}

// token accepts what can be sent as a bearer token.
func (f *Files) token(at strict.Place, text string) value.Secret {
	switch {
	case text == "":
		f.d.Fail(at, "the token is empty")
	case len(text) > strict.MaxTextBytes:
		f.d.Fail(at, "the token is longer than %d bytes", strict.MaxTextBytes)
	case strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsSpace(r) || unicode.IsControl(r) }):
		f.d.Fail(at, "the token must be one line of ASCII without spaces")
	case len(text) < MinTokenBytes:
		f.d.Fail(at, "the token is shorter than %d characters", MinTokenBytes)
	default:
		return value.NewSecret(text)
	}
	return value.Secret{}
}
