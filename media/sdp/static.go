package sdp

// staticCodec gives what a payload type means without rtpmap (RFC 3551 §6). Type 2 is reserved there now; before it was
// G.726-32, and equipment that sends it bare still means that. A dynamic or unassigned type has no name.
func staticCodec(pt uint8) Codec {
	c := Codec{PT: pt, Channels: 1}
	switch pt {
	case 0:
		c.Name, c.ClockHz = "PCMU", 8000
	case 2:
		c.Name, c.ClockHz = "G726-32", 8000
	case 3:
		c.Name, c.ClockHz = "GSM", 8000
	case 4:
		c.Name, c.ClockHz = "G723", 8000
	case 5:
		c.Name, c.ClockHz = "DVI4", 8000
	case 6:
		c.Name, c.ClockHz = "DVI4", 16000
	case 7:
		c.Name, c.ClockHz = "LPC", 8000
	case 8:
		c.Name, c.ClockHz = "PCMA", 8000
	case 9:
		c.Name, c.ClockHz = "G722", 8000 // 16 kHz sampling; the clock rate is a historical mistake kept (RFC 3551 §4.5.2)
	case 10:
		c.Name, c.ClockHz, c.Channels = "L16", 44100, 2
	case 11:
		c.Name, c.ClockHz = "L16", 44100
	case 12:
		c.Name, c.ClockHz = "QCELP", 8000
	case 13:
		c.Name, c.ClockHz = "CN", 8000
	case 14:
		c.Name, c.ClockHz = "MPA", 90000
	case 15:
		c.Name, c.ClockHz = "G728", 8000
	case 16:
		c.Name, c.ClockHz = "DVI4", 11025
	case 17:
		c.Name, c.ClockHz = "DVI4", 22050
	case 18:
		c.Name, c.ClockHz = "G729", 8000
	case 25:
		c.Name, c.ClockHz = "CelB", 90000
	case 26:
		c.Name, c.ClockHz = "JPEG", 90000
	case 28:
		c.Name, c.ClockHz = "nv", 90000
	case 31:
		c.Name, c.ClockHz = "H261", 90000
	case 32:
		c.Name, c.ClockHz = "MPV", 90000
	case 33:
		c.Name, c.ClockHz = "MP2T", 90000
	case 34:
		c.Name, c.ClockHz = "H263", 90000
	}
	return c
}

// StaticCodec gives the codec that RFC 3551 §6 binds to a payload type; ok is false for dynamic and unassigned ones.
func StaticCodec(pt uint8) (c Codec, ok bool) {
	c = staticCodec(pt)
	return c, c.Name != ""
}
