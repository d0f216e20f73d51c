package config

// checkEdges compares the security settings of each zone with its listeners.
func (d *decoder) checkEdges() {
	for _, z := range d.zones {
		var secure, webSocket bool
		for _, l := range z.listen {
			secure = secure || l.V.Transport.Secure()
			webSocket = webSocket || l.V.Transport.WebSocket()
			if l.V.Transport.Secure() && z.tls.V == nil {
				d.Fail(l.Place, "a %s listener needs a certificate: give the zone tls with certificate and key_file", l.V.Transport)
			}
		}
		if len(z.listen) == 0 {
			continue // missing or wrong, and reported
		}
		if z.tls.V != nil && !secure {
			d.Warn(z.tls.Place, "the zone has no tls or wss listener")
		}
		if z.webSocket.Path != "" && !webSocket {
			d.Warn(z.webSocket, "the zone has no ws or wss listener")
		}
	}
}
