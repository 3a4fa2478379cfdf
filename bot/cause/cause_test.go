package cause_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot/cause"
	"ehpcbot/bot/slackapi"
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/secret"
)

// sqliteError has the form of those of modernc.org/sqlite.
type sqliteError struct {
	text string
	code int
}

func (e sqliteError) Error() string { return e.text }
func (e sqliteError) Code() int     { return e.code }

func TestOf(t *testing.T) {
	t.Parallel()
	at := func(op string, err error) error {
		return &net.OpError{Op: op, Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}, Err: err}
	}
	asked := func(err error) error {
		return fmt.Errorf("ask: %w", &url.Error{Op: "Post", URL: "https://slack.com/api/auth.test", Err: err})
	}
	postgres := func(code string) error { return fmt.Errorf("migrate: %w", &pgconn.PgError{Code: code, Message: "no"}) }
	lite := func(text string, code int) error { return fmt.Errorf("begin: %w", sqliteError{text, code}) }
	tests := map[string]struct {
		err           error
		setting       string
		words, advice string
	}{
		"a scope": {slack.SlackErrorResponse{Err: "missing_scope", Needed: "users:read", Provided: "commands,chat:write"}, "SLACK_API_URL",
			"it needs users:read, and the token has commands,chat:write", "add users:read under OAuth & Permissions"},
		"a scope, unnamed": {slack.SlackErrorResponse{Err: "missing_scope"}, "SLACK_API_URL", "missing_scope", "install the app again"},
		"another of Slack": {slack.SlackErrorResponse{Err: "channel_not_found"}, "SLACK_API_URL", "channel_not_found", ""},
		"trouble":          {slack.SlackErrorResponse{Err: "internal_error"}, "SLACK_API_URL", "internal_error", "trouble of its own"},
		"503":              {slack.StatusCodeError{Code: 503, Status: "503 Service Unavailable"}, "SLACK_API_URL", "503", "slack-status.com"},
		"a page":           {json.Unmarshal([]byte("<html>"), new(int)), "SLACK_API_URL", "not one of Slack", "sign-in page"},
		"a limit":          {asked(&approval.LaterError{Err: errors.New("reached")}), "SLACK_API_URL", "reached", "try again in a minute"},

		"DNS":            {asked(at("dial", &net.DNSError{Name: "slack.con", IsNotFound: true})), "SLACK_API_URL", "no host of the name slack.con", "resolv.conf"},
		"DNS is silent":  {asked(at("dial", &net.DNSError{Name: "slack.com", IsTimeout: true})), "SLACK_API_URL", "DNS does not answer", "resolv.conf"},
		"refused":        {asked(at("dial", syscall.ECONNREFUSED)), "EHPC_ENDPOINT", "nothing listens at 127.0.0.1:9", "look at EHPC_ENDPOINT"},
		"no way":         {at("dial", syscall.ENETUNREACH), "DATABASE_URL", "no way to 127.0.0.1:9", "look at DATABASE_URL, and whether this machine may reach it"},
		"a firewall":     {asked(context.DeadlineExceeded), "SLACK_API_URL", "no answer within 10 s", "a firewall may drop"},
		"cut off":        {asked(at("read", syscall.ECONNRESET)), "SLACK_API_URL", "cut off", "firewall"},
		"port in use":    {fmt.Errorf("HTTP_ADDR: %w", at("listen", syscall.EADDRINUSE)), "HTTP_ADDR", "something else listens at 127.0.0.1:9", "another port"},
		"of another":     {at("listen", syscall.EADDRNOTAVAIL), "HTTP_ADDR", "no such address", "address of this machine"},
		"a low port":     {at("listen", syscall.EACCES), "HTTP_ADDR", "may not listen", "above 1023"},
		"no proxy":       {asked(at("proxyconnect", at("dial", syscall.ECONNREFUSED))), "SLACK_API_URL", "the proxy: the connection is refused", "look at HTTPS_PROXY"},
		"proxy sign-in":  {asked(&ehpc.ProxyError{Status: 407}), "SLACK_API_URL", "407", "USER:PASSWORD@HOST:PORT"},
		"proxy says no":  {asked(&ehpc.ProxyError{Status: 403}), "SLACK_API_URL", "403", "let this machine through"},
		"plain HTTP":     {asked(http.ErrSchemeMismatch), "EHPC_ENDPOINT", "does not speak TLS", "EHPC_ENDPOINT"},
		"permission":     {postgres("42501"), "DATABASE_URL", "migrate", "own the database"},
		"a pooler":       {postgres("42P05"), "DATABASE_URL", "migrate", "pool_mode = session"},
		"a pooler still": {postgres("26000"), "DATABASE_URL", "migrate", "pool_mode = session"},
		"only reads":     {postgres("25006"), "DATABASE_URL", "migrate", "primary"},
		"password":       {postgres("28P01"), "DATABASE_URL", "migrate", "password"},
		"no database":    {postgres("3D000"), "DATABASE_URL", "migrate", "createdb"},
		"locks":          {lite("locking protocol (15)", 15), "DATABASE_URL", "locking protocol", "NFS, Lustre"},
		"disk is full":   {lite("database or disk is full (13)", 13), "DATABASE_URL", "full", "make room"},
		"disk fails":     {lite("disk I/O error (522)", 522), "DATABASE_URL", "I/O", "look at the disk"},
		"not a database": {lite("file is not a database (26)", 26), "DATABASE_URL", "not a database", "restore"},
		"no locks":       {&fs.PathError{Op: "lock", Path: "x.db.lock", Err: syscall.ENOLCK}, "DATABASE_URL", "x.db.lock", "NFS, Lustre"},
		"a folder":       {&fs.PathError{Op: "open", Path: "/tmp", Err: syscall.EISDIR}, "DATABASE_URL", "/tmp", "it is a folder"},
		"owner":          {&fs.PathError{Op: "open", Path: "x.db", Err: syscall.EACCES}, "DATABASE_URL", "x.db", "chown"},
		"key":            {&ehpc.Error{Action: "listUsers", Code: 1200, Status: 200, Class: ehpc.ClassOperator}, "EHPC_ENDPOINT", "1200", "QINGCLOUD_ACCESS_KEY_ID"},
		"clock":          {&ehpc.Error{Action: "listUsers", Code: 1300, Status: 200, Class: ehpc.ClassOperator}, "EHPC_ENDPOINT", "1300", "NTP"},
		"API has failed": {&ehpc.Error{Action: "listUsers", Code: 5000, Status: 200}, "EHPC_ENDPOINT", "5000", "trouble of its own"},
		"another code":   {&ehpc.Error{Action: "listUsers", Code: 1100, Status: 200, Class: ehpc.ClassRefused}, "EHPC_ENDPOINT", "1100", "documentation"},
		"not the API":    {&ehpc.Error{Action: "listUsers", Status: 403, Class: ehpc.ClassOperator}, "EHPC_ENDPOINT", "403", "another server answers"},
		"nothing known":  {errors.New("odd"), "DATABASE_URL", "odd", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			words, advice := cause.Of(test.err, test.setting)
			require.Contains(t, words, test.words)
			require.Contains(t, advice, test.advice)
			require.Equal(t, test.advice == "", advice == "", advice)
			require.NotContains(t, words, "https://slack.com", "addresses may hold secrets")
			require.ErrorContains(t, cause.Advice(test.err, test.setting), test.err.Error()+map[bool]string{true: "; "}[advice != ""]+advice)
		})
	}
}

// certificate returns one for 127.0.0.1 that is signed by itself.
func certificate(t *testing.T, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// What servers do is told alike, whichever client meets it.
func TestOfServers(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	secure := func(until time.Time) string {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ErrorLog = nil
		s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t, until)}}
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.URL
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	tests := map[string]struct{ url, words, advice string }{
		"a CA of its own":         {secure(time.Now().Add(time.Hour)), "an authority that this machine does not know", "SSL_CERT_FILE"},
		"an expired certificate":  {secure(time.Now().Add(-time.Hour)), "has expired", "clock of this machine"},
		"no TLS":                  {"https" + plain.URL[len("http"):], "does not speak TLS", "look at the scheme and the port"},
		"nothing listens":         {gone.URL, "nothing listens at 127.0.0.1", "look at"},
		"packets that are lost":   {"http://" + silent.Addr().String(), "no answer within 10 s", "a firewall may drop the packets"},
		"a server of another use": {plain.URL, "", "another server answers in"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			api := slackapi.New(slackapi.Config{URL: test.url + "/api/", BotToken: secret.New("xoxb-1")}, nil)
			defer api.CloseIdleConnections()
			_, slackErr := api.AuthTestContext(ctx)
			accounts, err := ehpc.NewClient(ehpc.Config{Endpoint: test.url, AccessKeyID: "id", SecretAccessKey: secret.New("key")})
			require.NoError(t, err)
			defer accounts.CloseIdleConnections()
			_, apiErr := accounts.ListUsers(ctx, ehpc.ListUsersRequest{ClusterID: "ehpc-x", Zone: "jn1a"})
			for setting, err := range map[string]error{"SLACK_API_URL": slackErr, "EHPC_ENDPOINT": apiErr} {
				require.Error(t, err)
				words, advice := cause.Of(err, setting)
				require.Contains(t, words, test.words, "%s: %v", setting, err)
				require.Contains(t, advice, test.advice, "%s: %v", setting, err)
			}
		})
	}
}
