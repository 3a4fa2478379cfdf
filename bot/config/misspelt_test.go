package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/config"
)

func TestMisspelt(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{
		"APPROVALCHANNEL: is not read; is APPROVAL_CHANNEL meant?",
		"APPROVER: is not read; is APPROVERS meant?",
		"EHPCBOT_SLACK_BOT_TOKEN_FILE: is not read; set SLACK_BOT_TOKEN_FILE, without EHPCBOT_",
		"EHPCBOT_SLACK_COMMAND: is not read; set SLACK_COMMAND, without EHPCBOT_",
		"EHPC_CLUSTER: is not read; is EHPC_CLUSTERS meant?",
		"EHPC_CLUSTERS_FILE: is not read; only secrets can come from a file, so set EHPC_CLUSTERS",
		"EPHC_ENDPOINT: is not read; is EHPC_ENDPOINT meant?",
		"SLACK_BOT_TOKEN_FILES: is not read; is SLACK_BOT_TOKEN_FILE meant?",
		"SLACK_BOT_TOKN: is not read; is SLACK_BOT_TOKEN meant?",
		"SLAK_APP_TOKEN: is not read; is SLACK_APP_TOKEN meant?",
	}, config.Misspelt([]string{
		"SLACK_BOT_TOKN=xoxb-1-hidden", "SLACK_BOT_TOKN=again", "APPROVER=U1", "EHPC_CLUSTER=a@b", "EPHC_ENDPOINT=", "SLAK_APP_TOKEN=x",
		"APPROVALCHANNEL=C1", "SLACK_BOT_TOKEN_FILES=/x", "EHPC_CLUSTERS_FILE=/x",
		"EHPCBOT_SLACK_COMMAND=/x", "EHPCBOT_SLACK_BOT_TOKEN_FILE=/x",
	}))
}

func TestMisspeltLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	environ := []string{
		"", "=", "=C:=C:\\", "NAME", "PATH=/bin", "HOME=/", "LANG=C", "LC_ALL=C", "LOGNAME=x", "HTTP_PROXY=x", "HTTPS_PROXY=x", "SMTP_ADDR=x",
		"SLACK_WEBHOOK_URL=x", "SLACK_SIGNING_SECRET=x", "EHPC_SOMETHING_ELSE=x", "DATABASE_HOST=x", "LOG_FILE=x", "EHPCBOT_HOME=/x",
	}
	for _, v := range config.Variables() {
		environ = append(environ, v.Name+"=x")
		if v.Secret {
			environ = append(environ, v.Name+"_FILE=x")
		}
	}
	require.Empty(t, config.Misspelt(environ))
}
