package config

import (
	"net/netip"
	"strings"
	"unicode"

	"gatehouse/config/strict"
)

// worldReadable is the mode bits that let every user of the machine in.
const worldReadable = 0o007

// adminDraft is the admin section with its places.
type adminDraft struct {
	strict.Place
	admin  Admin
	listen strict.Place
	given  bool
	// tokenGiven counts a token that was refused, so that it is not missed too.
	tokenGiven bool
}

func (d *decoder) decodeMedia(v strict.Value) {
	d.Section(v, secMedia, map[string]func(strict.Value){
		"path": func(v strict.Value) {
			s, ok := d.Choice(v, []string{PathAuto.String(), PathPortable.String()}, []string{"kernel", "steer"})
			if ok && s == PathPortable.String() {
				d.media.Path = PathPortable
			}
		},
		"timeout": func(v strict.Value) { d.Duration(v, &d.media.Timeout, minDuration, maxMediaTimeout) },
	})
}

func (d *decoder) decodeAdmin(v strict.Value) {
	a := &d.admin
	a.Place, a.listen, a.given = v.Place, v.Place, true
	a.admin.Listen = netip.MustParseAddrPort(DefaultAdminListen)
	var token, file strict.Place
	d.Section(v, secAdmin, map[string]func(strict.Value){
		"listen": func(v strict.Value) {
			a.listen = v.Place
			if s, ok := d.Text(v); ok {
				addr, err := parseBind(s)
				if err != nil {
					d.Fail(v.Place, "%v", err)
				}
				a.admin.Listen = addr
			}
		},
		"token_file": func(v strict.Value) { file = v.Place; d.decodeTokenFile(v, a) },
		"token":      func(v strict.Value) { token = v.Place; d.decodeToken(v, a) },
	})
	a.tokenGiven = token.Path != "" || file.Path != ""
	if token.Path != "" && file.Path != "" {
		d.Fail(token, "token and token_file exclude each other")
	}
}

// decodeToken takes ${NAME} and nothing else: a secret written into the file
// would end up in backups and version control. No message repeats the value.
func (d *decoder) decodeToken(v strict.Value, a *adminDraft) {
	text, _ := v.Scalar()
	name, isVar := strings.CutPrefix(text, "${")
	name, closed := strings.CutSuffix(name, "}")
	if !isVar || !closed || !validEnvName(name) {
		d.Fail(v.Place, "want ${NAME}, an environment variable: a secret is not written into this file")
		return
	}
	text, set := d.env(name)
	if !set || text == "" {
		d.Fail(v.Place, "the environment variable %s is not set", name)
		return
	}
	d.setToken(v.Place, a, text)
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

func (d *decoder) decodeTokenFile(v strict.Value, a *adminDraft) {
	s, ok := d.Text(v)
	if !ok {
		return
	}
	a.admin.TokenFile = d.resolve(s)
	if d.readSecret == nil {
		return
	}
	data, mode, err := d.readSecret(a.admin.TokenFile)
	if err != nil {
		d.Fail(v.Place, "the token cannot be read: %v", err)
		return
	}
	if mode.Perm()&worldReadable != 0 {
		d.Warn(v.Place, "%s is open to every user of this machine (mode %04o)", strict.Quote(a.admin.TokenFile), mode.Perm())
	}
	d.setToken(v.Place, a, strings.TrimSpace(string(data)))
}

// setToken accepts what can be sent as a bearer token.
func (d *decoder) setToken(at strict.Place, a *adminDraft, text string) {
	switch {
	case text == "":
		d.Fail(at, "the token is empty")
	case len(text) > strict.MaxTextBytes:
		d.Fail(at, "the token is longer than %d bytes", strict.MaxTextBytes)
	case strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsSpace(r) || unicode.IsControl(r) }):
		d.Fail(at, "the token must be one line of ASCII without spaces")
	case len(text) < MinTokenBytes:
		d.Fail(at, "the token is shorter than %d characters", MinTokenBytes)
	default:
		a.admin.Token = NewSecret(text)
	}
}

func (d *decoder) decodeCDR(v strict.Value) {
	d.Section(v, secCDR, map[string]func(strict.Value){
		"file": func(v strict.Value) {
			if s, ok := d.Text(v); ok {
				d.cdr.File = d.resolve(s)
			}
		},
	})
}

func (d *decoder) decodeLog(v strict.Value) {
	d.Section(v, secLog, map[string]func(strict.Value){
		"level": func(v strict.Value) {
			if s, ok := d.Choice(v, []string{"debug", "info", "warn", "error"}, nil); ok {
				d.log.Level = s
			}
		},
	})
}

func (d *decoder) decodeStore(v strict.Value) {
	d.Section(v, secStore, map[string]func(strict.Value){
		"kind": func(v strict.Value) { d.Choice(v, []string{"memory"}, []string{"file", "redis"}) },
	})
}
