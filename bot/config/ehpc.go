package config

import (
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/secret"
)

// ehpcEnv is the text of how the API is called.
type ehpcEnv struct {
	AccessKeyID     string `env:"QINGCLOUD_ACCESS_KEY_ID"`
	SecretAccessKey string `env:"QINGCLOUD_SECRET_ACCESS_KEY"`
	Endpoint        string `env:"EHPC_ENDPOINT"`
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
	return ehpc.Config{
		Endpoint:        e.Endpoint,
		AccessKeyID:     e.AccessKeyID,
		SecretAccessKey: secret.New(e.SecretAccessKey),
	}
}
