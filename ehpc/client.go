package ehpc

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"ehpcbot/ehpc/secret"
)

const (
	// callTimeout bounds one attempt, from the dialling to the last byte.
	callTimeout = 30 * time.Second
	dialTimeout = 10 * time.Second
	idleTimeout = 90 * time.Second
	// answerMaxBytes bounds what is read of an answer. A page of a hundred users has some 40 kB.
	answerMaxBytes       = 8 << 20
	answerMaxHeaderBytes = 64 << 10
)

// Config is what a [Client] needs to know. Endpoint, AccessKeyID and SecretAccessKey are required.
type Config struct {
	// Endpoint is where the API is, such as https://hpc.api.qingcloud.com. [ValidateEndpoint] tells which URLs are
	// accepted.
	Endpoint string

	// AccessKeyID and SecretAccessKey are the API key. The secret key never leaves the process: it signs the requests.
	AccessKeyID     string
	SecretAccessKey secret.Text

	// HTTPClient sends the requests. The client works on a copy that follows no redirects and keeps no cookies: a
	// redirect would take the signed query, and with it the access key id, to another host. Without a time-out of its
	// own it gets one of 30 seconds. Nil means a client with that time-out that speaks TLS 1.2 or later.
	HTTPClient *http.Client

	// Quota is asked before each call is sent. Nil means no limit but the API's own, of which its refusals tell.
	Quota Quota

	// Now is the clock. Nil means [time.Now].
	Now func() time.Time

	// Observe is told of each call that has ended, for metrics: the action (addUser, modifyUser, listUsers, listClusters,
	// listNodes, operation) and its result ("ok", "refused", "busy", "operator", "unknown", "limited"). A request that
	// breaks a rule, and so is never sent, is not observed. It may be called from several goroutines at once. Nil means
	// nobody is told.
	Observe func(action, result string)
}

// Quota says how many calls may be made. Its methods are called from several goroutines at once.
type Quota interface {
	// Take takes one call out of the quota. It does not wait: where there is none left, it returns a [*LimitedError]
	// that tells when there is one.
	Take(ctx context.Context) error
	// Answered is told what a call came to. Of an error that is [ErrQuota], the API says that there were too many
	// calls, and maybe for how long.
	Answered(ctx context.Context, err error)
}

// Client calls the EHPC API. It is safe for use by several goroutines.
type Client struct {
	endpoint    string
	accessKeyID string
	secretKey   secret.Text
	http        *http.Client
	quota       Quota
	now         func() time.Time
	observe     func(action, result string)

	// skew is how far the server's clock is ahead of ours, in nanoseconds, as the last answer 1300 told.
	skew atomic.Int64
	// ahead is the same as any last answer told, which is too coarse to sign by where all is well.
	ahead atomic.Int64
}

// NewClient makes a client. The error names all that is wrong with the configuration and holds no secret. Nothing is
// sent yet.
func NewClient(config Config) (*Client, error) {
	endpoint, endpointErr := parseEndpoint(config.Endpoint)
	if err := errors.Join(endpointErr, config.faults()); err != nil {
		return nil, err
	}
	c := &Client{
		endpoint:    endpoint.Scheme + "://" + endpoint.Host,
		accessKeyID: config.AccessKeyID,
		secretKey:   config.SecretAccessKey,
		http:        ownHTTPClient(config.HTTPClient),
		quota:       config.Quota,
		now:         config.Now,
		observe:     config.Observe,
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.observe == nil {
		c.observe = func(string, string) {}
	}
	return c, nil
}

func (config Config) faults() error {
	var faults []error
	fault := func(wrong bool, text string) {
		if wrong {
			faults = append(faults, errors.New(text))
		}
	}
	fault(config.AccessKeyID == "", "access key id is empty")
	fault(strings.ContainsFunc(config.AccessKeyID, notGraphic), "access key id holds spaces or other characters that no key id has")
	fault(config.SecretAccessKey.IsZero(), "secret access key is empty")
	fault(strings.ContainsFunc(config.SecretAccessKey.Reveal(), notGraphic), "secret access key holds spaces or other characters that no key has")
	return errors.Join(faults...)
}

// notGraphic finds what a copied key may bring along: spaces and line ends.
func notGraphic(r rune) bool { return r <= ' ' || r > '~' }

// ownHTTPClient returns a client that never goes to another URL than asked for, on the transport of the given one.
func ownHTTPClient(given *http.Client) *http.Client {
	client := http.Client{Transport: newTransport()}
	if given != nil {
		client = *given
	}
	if client.Timeout == 0 {
		client.Timeout = callTimeout
	}
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: ProxyAnswer,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: answerMaxHeaderBytes,
		ForceAttemptHTTP2:      true,
		// HTTP/2 would put call after call on a connection that has died without a word.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// CloseIdleConnections closes the connections that no call is using. The client can still be used.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }
