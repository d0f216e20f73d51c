package config

import (
	"net/netip"

	"gatehouse/config/reference"
	"gatehouse/config/strict"
	"gatehouse/config/value"
)

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
	d.Section(v, reference.Media, map[string]func(strict.Value){
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
	d.Section(v, reference.Admin, map[string]func(strict.Value){
		"listen": func(v strict.Value) {
			a.listen = v.Place
			if s, ok := d.Text(v); ok {
				addr, err := value.ParseBind(s)
				if err != nil {
					d.Fail(v.Place, "%v", err)
				}
				a.admin.Listen = addr
			}
		},
		"token_file": func(v strict.Value) {
			file = v.Place
			a.admin.TokenFile, a.admin.Token = d.files.TokenFile(v)
		},
		"token": func(v strict.Value) { token = v.Place; a.admin.Token = d.files.TokenVariable(v, d.env) },
	})
	a.tokenGiven = token.Path != "" || file.Path != ""
	if token.Path != "" && file.Path != "" {
		d.Fail(token, "token and token_file exclude each other")
	}
}

func (d *decoder) decodeCDR(v strict.Value) {
	d.Section(v, reference.CDR, map[string]func(strict.Value){
		"file": func(v strict.Value) {
			if s, ok := d.Text(v); ok {
				d.cdr.File = d.files.Resolve(s)
			}
		},
	})
}

func (d *decoder) decodeLog(v strict.Value) {
	d.Section(v, reference.Log, map[string]func(strict.Value){
		"level": func(v strict.Value) {
			if s, ok := d.Choice(v, []string{"debug", "info", "warn", "error"}, nil); ok {
				d.log.Level = s
			}
		},
	})
}

func (d *decoder) decodeStore(v strict.Value) {
	d.Section(v, reference.Store, map[string]func(strict.Value){
		"kind": func(v strict.Value) { d.Choice(v, []string{"memory"}, []string{"file", "redis"}) },
	})
}
