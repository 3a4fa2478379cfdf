package config

import (
	"math"

	"ehpcbot/ehpc"
	"ehpcbot/ehpc/secret"
)

// ehpcEnv is the text of how the API is called.
type ehpcEnv struct {
	AccessKeyID     string `env:"QINGCLOUD_ACCESS_KEY_ID"`
	SecretAccessKey string `env:"QINGCLOUD_SECRET_ACCESS_KEY"`
	Endpoint        string `env:"EHPC_ENDPOINT"`
	CallsPerHour    string `env:"EHPC_CALLS_PER_HOUR"`
}

func (e ehpcEnv) config(f *collector) ehpc.Config {
	if !f.missing("QINGCLOUD_ACCESS_KEY_ID", e.AccessKeyID) {
		f.secretWord("QINGCLOUD_ACCESS_KEY_ID", e.AccessKeyID)
	}
	if !f.missing("QINGCLOUD_SECRET_ACCESS_KEY", e.SecretAccessKey) {
		f.secretWord("QINGCLOUD_SECRET_ACCESS_KEY", e.SecretAccessKey)
	}
	if err := ehpc.ValidateEndpoint(e.Endpoint); err != nil {
		f.add("EHPC_ENDPOINT", "%s: %v", f.quote(e.Endpoint), err)
	}
	calls := f.number("EHPC_CALLS_PER_HOUR", e.CallsPerHour, 0, math.MaxInt32)
	if calls == 1 {
		f.add("EHPC_CALLS_PER_HOUR", "1 is too few, as an account takes a look-up and a call that follows it at once")
	}
	return ehpc.Config{
		Endpoint:        e.Endpoint,
		AccessKeyID:     e.AccessKeyID,
		SecretAccessKey: secret.New(e.SecretAccessKey),
		CallsPerHour:    calls,
	}
}
