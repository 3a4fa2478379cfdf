package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ehpcbot/bot/config"
)

// Whatever secret stands in whatever variable, right or wrong: no fault shows it.
func TestFaultsShowNoSecret(t *testing.T) {
	t.Parallel()
	var secrets, others []string
	for _, v := range config.Variables() {
		if v.Secret {
			secrets, others = append(secrets, v.Name), append(others, v.Name+"_FILE")
		} else {
			others = append(others, v.Name)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		env := map[string]string{}
		var values []string
		for _, name := range secrets {
			// Capitals and digits in a pattern that no word of a fault has.
			value := rapid.StringMatching(`(xapp-|xoxb-|xoxp-|sqlite:|postgres://u:|mysql://u:|)[A-Z0-9+/ @,?#%]{2}Q7Z[A-Z0-9+/]{6,50}(=|@db/x|)`).Draw(t, name)
			value = strings.TrimSpace(value)
			env[name], values = value, append(values, value)
		}
		for range rapid.IntRange(0, 5).Draw(t, "misplaced") {
			place := rapid.SampledFrom(others).Draw(t, "place")
			value := rapid.SampledFrom(values).Draw(t, "secret")
			env[place] = " " + value + rapid.SampledFrom([]string{"", ",x", "@jn1a", "=x"}).Draw(t, "tail")
		}
		_, err := config.Load(envconfig.MapLookuper(env))
		if err == nil {
			t.Fatal("nothing is wrong with that?")
		}
		for _, value := range values {
			for part := range strings.SplitSeq(value, ",") {
				if strings.Contains(part, "Q7Z") && strings.Contains(err.Error(), part) {
					t.Fatalf("a secret is shown: %q in %q", part, err)
				}
			}
		}
	})
}

func TestConfigPrintsWithoutSecrets(t *testing.T) {
	t.Parallel()
	c := load(t, map[string]string{"DATABASE_URL": "postgres://bot:hunter2@db/ehpcbot", "ENCRYPTION_KEY": key('k')})
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", c, "database", c.Database, "keys", c.Database.Keys)
	data, err := json.Marshal([]any{c.Slack, c.Database})
	require.NoError(t, err)
	texts := []string{log.String(), string(data), c.Database.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, c), fmt.Sprintf(verb, &c), fmt.Sprintf(verb, c.Database), fmt.Sprintf(verb, c.Database.Keys))
	}
	for _, text := range texts {
		for _, hidden := range []string{
			"hunter2", fmt.Sprintf("%x", "hunter2"), key('k'), strings.Repeat("k", 32), "107 107", "0x6b", strings.Repeat("6b", 8),
			"A0123456789-level", "0123456789-bot", "SECRETACCESSKEY",
		} {
			require.NotContains(t, text, hidden)
		}
	}
	require.Equal(t, "postgres://[redacted]", c.Database.String())
	require.Equal(t, "sqlite:ehpcbot.db", load(t, nil).Database.String())
}
