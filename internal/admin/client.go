package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// clientTimeout bounds one request of a Client, a reload on a busy machine included.
	clientTimeout = 30 * time.Second
	// maxAnswerBytes bounds what a Client reads of an answer: a busy gateway lists tens of thousands of calls.
	maxAnswerBytes = 64 << 20
)

var (
	errAPIAddress = errors.New("want http://HOST:PORT or https://HOST:PORT")
	errNoAnswer   = errors.New("the answer is no JSON: is this the API of a gateway?")
)

// Client asks the API of a running gateway. It may be used from any goroutine.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// NewClient makes a client of the API at an address such as
// http://127.0.0.1:8060. The token is empty where the API needs none.
func NewClient(api, token string) (*Client, error) {
	u, err := url.Parse(api)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("api %q: %w", api, errAPIAddress)
	}
	// The token goes to the address that was named and nowhere else: not
	// through a proxy of the environment, and not after a redirection.
	return &Client{base: strings.TrimSuffix(u.String(), "/"), token: token, http: &http.Client{
		Timeout:       clientTimeout,
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Bans gives the bans, and the answer as it came.
func (c *Client) Bans(ctx context.Context) (bans []Ban, raw []byte, err error) {
	var answer struct{ Bans []Ban }
	raw, err = c.do(ctx, http.MethodGet, "/api/v1/bans", &answer)
	return answer.Bans, raw, err
}

// Unban ends the ban of a source.
func (c *Client) Unban(ctx context.Context, source string) error {
	_, err := c.do(ctx, http.MethodDelete, "/api/v1/bans/"+url.PathEscape(source), &struct{}{})
	return err
}

// do sends one request and reads its answer into a value. An answer that is
// not of the 2xx kind is an error with what the gateway says of it.
func (c *Client) do(ctx context.Context, method, path string, into any) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end, or given up
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswerBytes))
	if err != nil {
		return nil, fmt.Errorf("api: read the answer: %w", err)
	}
	if answer.StatusCode/100 != 2 {
		var why failure
		if json.Unmarshal(raw, &why) != nil || why.Error == "" {
			return nil, fmt.Errorf("api: %s: %w", answer.Status, errNoAnswer)
		}
		return nil, fmt.Errorf("api: %s: %s", answer.Status, strings.Join(append([]string{why.Error}, why.Details...), "\n"))
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return nil, fmt.Errorf("api: %w", errNoAnswer)
	}
	return raw, nil
}
