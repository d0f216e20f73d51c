package app

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// A client of the API needs no token to keep a connection busy: it must not take the time the call records and the last messages need.
func TestClose_SlowClientOfTheAPI_TakesNoTimeFromTheOthers(t *testing.T) {
	s := openText(t, func(text string) string { return text + "admin: {listen: 127.0.0.1:0}\n" })
	c, err := net.Dial("tcp", s.admin.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// The rest of the body never comes; net/http waits for it before it answers.
	if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: elsewhere.example\r\nContent-Length: 1000\r\n\r\nx"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Second); !strings.Contains(s.log.String(), "api request refused"); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the request was not read")
		}
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > closeTime/3 {
		t.Errorf("took %v", d)
	}
}
