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
	raw, ok := requestURI(string(na.URI))
	if !ok {
		return route{}, false
	}
	u, err := uri.Parse(raw)
	if err != nil {
		return route{}, false
	}
	_, loose := u.Param("lr")
	return route{raw: raw, loose: loose}, true
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

// recordRoutes leaves out what is no route: a dialog that goes around a broken
// proxy is better than one that can never be ended.
func recordRoutes(m *msg.Message) []string {
	if m.Count(msg.HeaderRecordRoute) == 0 {
		return nil
	}
	var set []string
	for v := range m.Values(msg.HeaderRecordRoute) {
		if _, ok := routeURI(string(v)); ok {
			set = append(set, string(v))
		}
	}
	return set
}
