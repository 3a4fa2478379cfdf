// Package cause tells what is behind an error of Slack, the EHPC API, the database or the network in words, and what to
// do about it, for those who run the bot. It is the one place for that: `ehpcbot check`, the start and /readyz use it.
package cause

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/approval/store"
	"ehpcbot/bot/slackapi"
	"ehpcbot/ehpc"
)

// Limit is how long a question of `ehpcbot check` waits for an answer.
const Limit = 10 * time.Second

// Of returns what is behind an error, and what to do about it. setting is the variable that says where was asked. Of an
// error whose cause is not known the words are its own, and there is no advice.
func Of(err error, setting string) (words, advice string) {
	if err == nil {
		return "", ""
	}
	for _, known := range []func(error, string) (words, advice string){ofSlack, ofAPI, ofPostgres, ofSQLite, ofProxy, ofCertificate, ofNetwork, ofFile} {
		if words, advice = known(err, setting); advice != "" {
			return words, advice
		}
	}
	return plain(err).Error(), ""
}

// Advice adds to an error what to do about it, where that is known.
func Advice(err error, setting string) error {
	if _, advice := Of(err, setting); advice != "" {
		return fmt.Errorf("%w; %s", err, advice)
	}
	return err
}

// plain takes the URL out of an error of the network.
func plain(err error) error {
	if inner := errors.Unwrap(err); inner != nil && strings.Contains(err.Error(), "://") {
		return plain(inner)
	}
	return err
}

func ofSlack(err error, setting string) (words, advice string) {
	if answer, ok := errors.AsType[slack.SlackErrorResponse](err); ok && answer.Err == "missing_scope" {
		if answer.Needed == "" {
			return "missing_scope", "paste `ehpcbot manifest` into the app's App Manifest, then install the app again"
		}
		return fmt.Sprintf("missing_scope: it needs %s, and the token has %s", answer.Needed, answer.Provided),
			"add " + answer.Needed + " under OAuth & Permissions, then install the app again"
	}
	if answer, ok := errors.AsType[slack.StatusCodeError](err); ok {
		return "it answers " + answer.Status, "Slack may be down (slack-status.com), or a proxy or another server answers in its place: look at " + setting
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return "the answer is not one of Slack", "a proxy, a sign-in page or another server answers in its place: look at " + setting + " and HTTPS_PROXY"
	}
	if slackapi.Code(err) != "" && !slackapi.Refused(err) {
		return plain(err).Error(), "Slack has trouble of its own (slack-status.com): try again in a minute"
	}
	_, limited := errors.AsType[*slack.RateLimitedError](err)
	if _, later := errors.AsType[*approval.LaterError](err); limited || later {
		return plain(err).Error(), "Slack limits its calls: try again in a minute"
	}
	return "", ""
}

// ofAPI tells the answers of the EHPC API.
func ofAPI(err error, setting string) (words, advice string) {
	failed, ok := errors.AsType[*ehpc.Error](err)
	if !ok || failed.Status == 0 {
		return "", "" // an error on the way there
	}
	for _, known := range []struct {
		is     bool
		advice string
	}{
		{errors.Is(err, ehpc.ErrAuth), "look at QINGCLOUD_ACCESS_KEY_ID and QINGCLOUD_SECRET_ACCESS_KEY, and that the key is enabled in the console"},
		{errors.Is(err, ehpc.ErrNotFound), "look at the cluster's id and zone in EHPC_CLUSTERS, and that the key belongs to the account that owns it"},
		{errors.Is(err, ehpc.ErrDenied), "give the key access to the cluster, or wait until the cluster is active"},
		{errors.Is(err, ehpc.ErrAtWork), "the cluster works on something else, or is stopped: see to it in the console, or wait"},
		{errors.Is(err, ehpc.ErrBalance), "the balance of the QingCloud account is too low: top it up"},
		{errors.Is(err, ehpc.ErrLicence), "the licence of the EHPC platform does not cover it, or has run out: whoever runs the platform has to renew it"},
		{errors.Is(err, ehpc.ErrQuota), "the API's quota of calls is used up: try again later"},
		{failed.Code == 1300, "set the clock of this machine right (NTP): the API refuses what is more than a minute off"},
		{errors.Is(err, ehpc.ErrBusy), "the API is busy: try again later"},
		{failed.Code == 0 && failed.Status < 500, "a proxy or another server answers in place of the API: look at " + setting + " and HTTPS_PROXY"},
		{errors.Is(err, ehpc.ErrOutcomeUnknown), "the API has trouble of its own: try again later"},
		{true, "look the code up in the documentation of the API"},
	} {
		if known.is {
			return err.Error(), known.advice
		}
	}
	return "", ""
}

func ofPostgres(err error, _ string) (words, advice string) {
	switch {
	case errors.Is(err, store.ErrPooled):
		return err.Error(), pooler
	case errors.Is(err, store.ErrReadOnly):
		return err.Error(), onlyReads
	}
	failed, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return "", ""
	}
	switch failed.Code {
	case "28P01", "28000":
		advice = "look at the user and the password in DATABASE_URL (an @ in a password is written %40), and at the server's pg_hba.conf"
	case "3D000":
		advice = "make the database (createdb), or look at its name in DATABASE_URL"
	case "42501":
		advice = "let the user of DATABASE_URL own the database, or grant it CREATE and USAGE on the schema and all rights on the tables there"
	case "42P05", "26000":
		advice = pooler
	case "25006":
		advice = onlyReads
	case "53300":
		advice = "let the server take more connections (max_connections), or end some"
	case "57P03":
		advice = "the server is starting or stopping: try again in a minute"
	}
	return err.Error(), advice
}

const (
	pooler    = "connect to PostgreSQL itself, or have the pooler (such as PgBouncer) keep sessions: pool_mode = session"
	onlyReads = "name the primary server in DATABASE_URL, not a standby; with several hosts add target_session_attrs=read-write"
)

// Result codes of SQLite: sqlite.org/rescode.html.
const (
	sqliteReadOnly = 8
	sqliteIOErr    = 10
	sqliteCorrupt  = 11
	sqliteFull     = 13
	sqliteCantOpen = 14
	sqliteProtocol = 15
	sqliteNotADB   = 26
)

const localDisk = "put the database on a local disk: NFS, Lustre and the like don't lock files as SQLite needs. Or use PostgreSQL"

func ofSQLite(err error, _ string) (words, advice string) {
	var failed interface {
		error
		Code() int
	}
	if !errors.As(err, &failed) {
		return "", ""
	}
	switch failed.Code() & 0xff { // what is above says more of the same
	case sqliteReadOnly:
		advice = "let this user change the database and its folder, on a file system that is not read-only"
	case sqliteIOErr:
		advice = "look at the disk; on NFS, Lustre and the like: " + localDisk
	case sqliteCorrupt, sqliteNotADB:
		advice = "restore the database from a backup, or look whether DATABASE_URL names another file"
	case sqliteFull:
		advice = "make room on the disk"
	case sqliteCantOpen:
		advice = "see that the folder exists and that this user may write there"
	case sqliteProtocol:
		advice = localDisk
	}
	return err.Error(), advice
}

// ofProxy tells what goes wrong on the way to a proxy, and what the proxy answers.
func ofProxy(err error, _ string) (words, advice string) {
	if refused, ok := errors.AsType[*ehpc.ProxyError](err); ok {
		if refused.Status == http.StatusProxyAuthRequired {
			return refused.Error(), "put the user and the password that the proxy asks for into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT"
		}
		return refused.Error(), "have the proxy in HTTPS_PROXY let this machine through, or go without it (NO_PROXY)"
	}
	if broken, ok := errors.AsType[*net.OpError](err); ok && broken.Op == "proxyconnect" {
		words, _ = Of(broken.Err, "HTTPS_PROXY")
		return "the proxy: " + words, "look at HTTPS_PROXY, and whether the proxy runs"
	}
	return "", ""
}

func ofCertificate(err error, setting string) (words, advice string) {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "its certificate is signed by an authority that this machine does not know",
			"where a proxy looks into TLS, or the server has a CA of its own, set SSL_CERT_FILE to a file with the certificate of that CA"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "its certificate has expired, or is not valid yet",
			"set the clock of this machine right (it says " + time.Now().UTC().Format("2006-01-02 15:04 UTC") + "), or have the certificate renewed"
	}
	if other, ok := errors.AsType[x509.HostnameError](err); ok {
		return "its certificate is that of another: " + other.Error(), "look at the name in " + setting + ", and whether a proxy or DNS leads somewhere else"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "it does not speak TLS", "look at the scheme and the port in " + setting
	}
	return "", ""
}

func ofNetwork(err error, setting string) (words, advice string) {
	out := "; where only a proxy leads out, set HTTPS_PROXY"
	if setting == "DATABASE_URL" {
		out = ""
	}
	look := "look at " + setting + ", and whether this machine may reach it" + out
	if unknown, ok := errors.AsType[*net.DNSError](err); ok {
		advice = "look at the name in " + setting + ", and at DNS on this machine (/etc/resolv.conf)" + out
		if unknown.IsNotFound {
			return "there is no host of the name " + unknown.Name, advice
		}
		return "DNS does not answer for the name " + unknown.Name, advice
	}
	op, at := "", ""
	if broken, ok := errors.AsType[*net.OpError](err); ok {
		op = broken.Op
		if broken.Addr != nil {
			at = " at " + broken.Addr.String()
		}
	}
	var waited net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &waited) && waited.Timeout():
		return fmt.Sprintf("no answer within %.0f s", Limit.Seconds()), "a firewall may drop the packets: " + look
	case errors.Is(err, syscall.EADDRINUSE):
		return "something else listens" + at, "set another port in HTTP_ADDR, or HTTP_ADDR= for off"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine has no such address", "set an address of this machine in HTTP_ADDR, such as 127.0.0.1:9095"
	case op == "listen" && errors.Is(err, fs.ErrPermission):
		return "this user may not listen" + at, "set a port above 1023 in HTTP_ADDR"
	case errors.Is(err, syscall.ECONNREFUSED), op == "dial" && errors.Is(err, fs.ErrNotExist): // a socket that is a file
		return "the connection is refused: nothing listens" + at, look
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), op == "dial" && errors.Is(err, fs.ErrPermission):
		return "there is no way" + strings.Replace(at, "at", "to", 1), look
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, ehpc.ErrNoAnswer):
		return "the connection was cut off", "a firewall or a proxy may do that: " + look
	}
	return "", ""
}

func ofFile(err error, _ string) (words, advice string) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		advice = "see that the folder exists"
	case errors.Is(err, fs.ErrPermission):
		advice = "let this user have the file and its folder (chown), or run the bot as their owner"
	case errors.Is(err, syscall.EISDIR):
		advice = "it is a folder: name a file in it"
	case errors.Is(err, syscall.EROFS):
		advice = "the file system only reads: name a file on another"
	case errors.Is(err, syscall.ENOSPC):
		advice = "make room on the disk"
	case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EOPNOTSUPP):
		advice = localDisk
	}
	return err.Error(), advice
}
