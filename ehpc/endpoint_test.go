package ehpc_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/ehpc"
)

func TestValidateEndpoint(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // the fault; empty: none
		"https://hpc.api.qingcloud.com":     "",
		"https://hpc.api.qingcloud.com:443": "",
		"https://hpc.api.shanhe.com/":       "",
		"HTTPS://10.0.0.1:8443":             "",
		"https://[2001:db8::1]:443":         "",
		"http://localhost:8080":             "",
		"http://LOCALHOST":                  "",
		"http://127.0.0.1:8080":             "",
		"http://127.9.9.9":                  "",
		"http://[::1]:8080":                 "",

		"":                                    "endpoint is empty",
		"https://%zz":                         "endpoint is not a URL, such as https://hpc.api.qingcloud.com",
		"hpc.api.qingcloud.com":               "endpoint must start with https://",
		"ftp://localhost":                     "endpoint must start with https://",
		"localhost:8080":                      "endpoint must start with https://",
		"https://":                            "endpoint has no host",
		"https://:443":                        "endpoint has no host",
		"https:hpc.api.qingcloud.com":         "endpoint has no host",
		"https://hpc.api.qingcloud.com:":      "endpoint has no valid port",
		"https://hpc.api.qingcloud.com:0":     "endpoint has no valid port",
		"https://hpc.api.qingcloud.com:99999": "endpoint has no valid port",
		"https://u:hunter2@host":              "endpoint must not hold a user name or a password",
		"https://host/api":                    "endpoint must end after the host and port",
		"https://host//":                      "endpoint must end after the host and port",
		"https://host?a=b":                    "endpoint must end after the host and port",
		"https://host?":                       "endpoint must end after the host and port",
		"https://host#":                       "endpoint must end after the host and port",
		"http://hpc.api.qingcloud.com":        "endpoint must use https (http is for loopback only)",
		"http://localhost.example.org":        "endpoint must use https (http is for loopback only)",
		"http://127.0.0.1.example.org":        "endpoint must use https (http is for loopback only)",
		"http://128.0.0.1":                    "endpoint must use https (http is for loopback only)",
		"http://0.0.0.0":                      "endpoint must use https (http is for loopback only)",
		"http://[::2]":                        "endpoint must use https (http is for loopback only)",
	}
	for endpoint, want := range tests {
		t.Run(strings.ReplaceAll(endpoint, "/", "|"), func(t *testing.T) {
			t.Parallel()
			err := ehpc.ValidateEndpoint(endpoint)
			if want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, want)
		})
	}
}
