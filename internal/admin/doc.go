// Package admin serves the management API over HTTP: health, metrics, the
// calls in progress, the sources that are banned, reload and drain. Its shape
// is openapi.json, which it serves too. Client is the other side of it, for the
// commands.
//
// With a token every path under /api needs it as a bearer token. Without one
// the listener must be on a loopback address, requests must name a loopback
// host (so that a page that rebinds its DNS name reaches nothing), and
// requests that change something must not come from another site's page.
// /healthz, /readyz and /metrics never need a token. There are no cookies and
// no CORS: a browser page of another origin can read nothing.
//
// The package knows the gateway through an interface it declares; internal/app
// implements that. One goroutine accepts, net/http starts one for each
// connection; Close joins them.
package admin
