package ehpc

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// ValidateEndpoint tells whether a URL can be the API's endpoint: https with a host and nothing else but a port. Plain
// http is accepted on loopback only (localhost, 127.0.0.0/8, ::1), where a double of the API may listen; anywhere else
// it would send passwords in clear. The error never quotes the URL, which may hold credentials.
func ValidateEndpoint(endpoint string) error {
	_, err := parseEndpoint(endpoint)
	return err
}

func parseEndpoint(endpoint string) (*url.URL, error) {
	if endpoint == "" {
		return nil, errors.New("endpoint is empty")
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, errors.New("endpoint is not a URL, such as https://hpc.api.qingcloud.com")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("endpoint must start with https://")
	case u.Hostname() == "":
		return nil, errors.New("endpoint has no host")
	case u.User != nil:
		return nil, errors.New("endpoint must not hold a user name or a password")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.ForceQuery, strings.Contains(endpoint, "#"):
		return nil, errors.New("endpoint must end after the host and port")
	case !validPort(u):
		return nil, errors.New("endpoint has no valid port")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, errors.New("endpoint must use https (http is for loopback only)")
	}
	return u, nil
}

func validPort(u *url.URL) bool {
	if strings.HasSuffix(u.Host, ":") {
		return false
	}
	if u.Port() == "" {
		return true
	}
	port, err := strconv.Atoi(u.Port())
	return err == nil && port >= 1 && port <= 65535
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Zone() == "" && address.IsLoopback()
}
