// Package demo holds two scripted SIP endpoints with audio over real UDP
// sockets, and the call that `gatehouse demo` shows: a PBX calls a trunk
// through a running border controller, both talk, the PBX holds and resumes
// and hangs up, and every figure is checked. Tests use the endpoints alone.
//
// An Endpoint is a small user agent that keeps to RFC 3261: transactions with
// their retransmissions, 2xx repeated until ACK, dialogs with route sets,
// offers and answers in INVITE only, over UDP or TLS. It refuses what it does
// not need: TCP without TLS, WebSocket, authentication, forking (the first 2xx
// makes the dialog), reliable provisional responses. Audio sends and recognizes tones in G.711.
//
// Each endpoint has one reading goroutine for each socket, and one for each transaction of its
// own that is under way; Close joins them. Everything exported may be called
// from any goroutine. internal/app starts the border controller and calls Run;
// this package does not know it.
package demo
