package dialog

import (
	"slices"

	"gatehouse/sip/msg"
	"gatehouse/sip/uri"
)

// route is one parsed Route value.
type route struct {
	raw   string
	loose bool
}

func routeURI(value string) (route, bool) {
	na, err := msg.ParseNameAddr([]byte(value))
	if err != nil {
		return route{}, false
	}
	r := route{raw: string(na.URI)}
	u, err := uri.Parse(r.raw)
	if err != nil {
		return r, false
	}
	_, r.loose = u.Param("lr")
	return r, true
}

// RouteSetUAS is the route set a request gives to the side that answers it:
// the Record-Route values in order (RFC 3261 §12.1.1).
func RouteSetUAS(request *msg.Message) []string {
	return recordRoutes(request)
}

// RouteSetUAC is the route set a response gives to the side that asked: the
// Record-Route values in reverse order (RFC 3261 §12.1.2).
func RouteSetUAC(response *msg.Message) []string {
	set := recordRoutes(response)
	slices.Reverse(set)
	return set
}

func recordRoutes(m *msg.Message) []string {
	if m.Count(msg.HeaderRecordRoute) == 0 {
		return nil
	}
	var set []string
	for v := range m.Values(msg.HeaderRecordRoute) {
		set = append(set, string(v))
	}
	return set
}
