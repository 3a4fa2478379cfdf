package bot_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot/slacktest"
)

// Whatever an envelope holds, it is answered, and changes nothing of another person's. Only who acts is not
// up to the one who acts: that is what Slack says.
func FuzzEnvelope(f *testing.F) {
	const omar = "U0OMAR" // neither the requester nor an approver
	o := open(f, plan{idle: true})
	o.slack.AddUser(slacktest.User{ID: omar, Name: "omar"})
	require.NoError(f, o.bot.Introduce(f.Context()))
	_, err := o.service.Ask(f.Context(), approval.Ask{Requester: isabel, Username: "isabel", Reason: "thesis"})
	require.NoError(f, err)
	before, err := o.service.Story(f.Context(), 1)
	require.NoError(f, err)

	for _, text := range []string{"", "help", "list", "status 1", "cancel 1", "cancel -1", "isabel", "omar cluster=x mod=777", `username=list reason="a`, "status 99999999999999999999"} {
		f.Add(true, []byte(`{"command":"/ehpc-adduser","text":`+quote(text)+`,"trigger_id":"1.2.3","team_id":"T0EHPC"}`))
	}
	for _, action := range []string{"approve", "deny", "retry", "saved", "show"} {
		for _, value := range []string{"1", "2", "-1", "x", "1e3", ""} {
			f.Add(false, []byte(`{"type":"block_actions","container":{"type":"message","channel_id":"C0APPROVALS","message_ts":"1.2"},`+
				`"channel":{"id":"C0APPROVALS"},"actions":[{"type":"button","action_id":`+quote(action)+`,"block_id":"b","value":`+quote(value)+`}]}`))
		}
	}
	for _, callback := range []string{"ask", "deny", "x"} {
		f.Add(false, []byte(`{"type":"view_submission","view":{"id":"V1","type":"modal","callback_id":`+quote(callback)+`,"private_metadata":"1",`+
			`"state":{"values":{"username":{"value":{"type":"plain_text_input","value":"omar"}},"reason":{"value":{"type":"plain_text_input","value":null}},`+
			`"cluster":{"value":{"type":"static_select","selected_option":null}}}}}}`))
	}
	f.Add(false, []byte(`{"type":"block_actions","actions":[null]}`))
	f.Add(false, []byte(`{"type":"view_submission","view":{"callback_id":"ask","state":null}}`))
	f.Add(false, []byte(`{"type":"view_closed"}`))

	f.Fuzz(func(t *testing.T, isCommand bool, payload []byte) {
		event, ok := envelopeOf(isCommand, payload, omar)
		if !ok {
			return // slack-go does not hand it on; it is acknowledged as unreadable
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		answer := o.bot.Handle(ctx, event)
		if isCommand {
			size, err := json.Marshal(answer)
			require.NoError(t, err)
			require.Less(t, len(size), 20_000, "Slack would drop it")
		}
		require.False(t, o.log.has("panicked"), o.log)
		after, err := o.service.Story(t.Context(), 1)
		require.NoError(t, err)
		require.Equal(t, before, after)
		o.log.clear() // so that it does not take longer and longer to look into it
	})
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// envelopeOf decodes a payload as slack-go does.
func envelopeOf(isCommand bool, payload []byte, person string) (socketmode.Event, bool) {
	request := &socketmode.Request{EnvelopeID: "fuzz"}
	if isCommand {
		var c slack.SlashCommand
		err := json.Unmarshal(payload, &c)
		c.UserID = person
		return socketmode.Event{Type: socketmode.EventTypeSlashCommand, Data: c, Request: request}, err == nil
	}
	var c slack.InteractionCallback
	err := json.Unmarshal(payload, &c)
	c.User.ID, c.ResponseURL = person, ""
	return socketmode.Event{Type: socketmode.EventTypeInteractive, Data: c, Request: request}, err == nil
}
