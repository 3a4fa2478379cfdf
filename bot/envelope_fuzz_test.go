package bot_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/ehpctest"
)

// The one who acts, neither the requester nor an approver: only who acts is not up to the one who acts, that is what
// Slack says.
const omar = "U0OMAR"

// target is a bot with a request of somebody else's, which whatever comes in must leave as it is.
type target struct {
	*office
	before approval.Story
}

func newTarget(f *testing.F) *target {
	o := open(f, plan{idle: true})
	o.slack.AddUser(slacktest.User{ID: omar, Name: "omar"})
	require.NoError(f, o.bot.Introduce(f.Context()))
	_, err := o.service.Ask(f.Context(), approval.Ask{Requester: isabel, Username: "isabel", Reason: "thesis"})
	require.NoError(f, err)
	before, err := o.service.Story(f.Context(), 1)
	require.NoError(f, err)
	return &target{o, before}
}

// handle has an envelope answered, and looks at what it did.
func (o *target) handle(t *testing.T, event socketmode.Event) (answer any) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	answer = o.bot.Handle(ctx, event)
	if size, err := json.Marshal(answer); err != nil || len(size) > 20_000 {
		t.Errorf("an answer of %d bytes, which Slack would drop (%v)", len(size), err)
	}
	require.False(t, o.log.has("panicked"), o.log)
	after, err := o.service.Story(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, o.before, after)
	o.log.clear() // so that it does not take longer and longer to look into it
	return answer
}

// Whatever an envelope holds, it is answered, and changes nothing of another person's.
func FuzzEnvelope(f *testing.F) {
	o := newTarget(f)
	for _, text := range []string{"", "help", "list", "status 1", "cancel 1", "cancel -1", "isabel", "omar cluster=x mod=777", `username=list reason="a`, "status 99999999999999999999"} {
		f.Add(true, []byte(`{"command":"/ehpc-adduser","text":`+quote(text)+`,"trigger_id":"1.2.3","team_id":"T0EHPC"}`))
	}
	f.Add(false, []byte(`{"type":"block_actions","actions":[null]}`))
	f.Add(false, []byte(`{"type":"block_actions","container":{"type":"message","channel_id":"C0APPROVALS","message_ts":"1.2"},`+
		`"channel":{"id":"C0APPROVALS"},"actions":[{"type":"button","action_id":"approve","block_id":"b","value":"1"}]}`))
	f.Add(false, []byte(`{"type":"view_submission","view":{"callback_id":"ask","state":null}}`))
	f.Add(false, []byte(`{"type":"view_submission","view":{"id":"V1","type":"modal","callback_id":"deny","private_metadata":"1",`+
		`"state":{"values":{"reason":{"value":{"type":"plain_text_input","value":null}},"cluster":{"value":{"type":"static_select","selected_option":null}}}}}}`))
	f.Add(false, []byte(`{"type":"view_closed"}`))
	f.Add(false, []byte(`{"type":"shortcut","callback_id":"ask","trigger_id":"1.2.3"}`))
	f.Add(false, []byte(`{"type":"block_actions","container":{"type":"view"},"view":{"type":"home","hash":"h"},"trigger_id":"1.2.3",`+
		`"actions":[{"type":"button","action_id":"cancel","block_id":"b","value":"1"}]}`))
	f.Fuzz(func(t *testing.T, isCommand bool, payload []byte) {
		if event, ok := envelopeOf(isCommand, payload, omar); ok { // else slack-go hands it on as unreadable
			o.handle(t, event)
		}
	})
}

// Whatever a press says that it is of, and on, it is answered, and changes nothing of another person's.
func FuzzBlockActions(f *testing.F) {
	o := newTarget(f)
	for _, action := range []string{"approve", "deny", "retry", "saved", "show", "works", "trouble", "cancel", "ask"} {
		for _, value := range []string{"1", "2", "-1", "x", "1e3", "", "１", "99999999999999999999"} {
			f.Add(action, value, channel, "1.2", "T0EHPC")
		}
	}
	f.Add("approve", "1", "C0OTHER", "", "T0OTHER")
	f.Fuzz(func(t *testing.T, action, value, channel, ts, team string) {
		o.handle(t, socketmode.Event{
			Type: socketmode.EventTypeInteractive, Request: &socketmode.Request{EnvelopeID: "fuzz"},
			Data: slack.InteractionCallback{
				Type: slack.InteractionTypeBlockActions, User: slack.User{ID: omar, TeamID: team}, TriggerID: "1.2.3",
				Container:      slack.Container{ChannelID: channel, MessageTs: ts},
				ActionCallback: slack.ActionCallbacks{BlockActions: []*slack.BlockAction{{ActionID: action, BlockID: "b", Value: value}}},
			},
		})
	})
}

// Whatever is put into a form, it is answered, and what is stored of it keeps to the rules and is omar's.
func FuzzFormValues(f *testing.F) {
	o := newTarget(f)
	last := o.before.ID
	f.Add("ask", "", "omar", ehpctest.ClusterID, "700", "thesis")
	f.Add("ask", "", "isabel", "ehpc-nowhere", "999", "<!channel> *bold*")
	f.Add("ask", "1", "root", "", "", "")
	f.Add("deny", "1", "", "", "", "no")
	f.Add("deny", "x", "", "", "", strings.Repeat("é", 4000))
	f.Add("trouble", "1", "", "", "", "Permission denied")
	f.Add("trouble", "x", "", "", "", strings.Repeat("é", 4000))
	f.Add("other", "1", "", "", "", "")
	f.Fuzz(func(t *testing.T, callback, metadata, username, cluster, mod, reason string) {
		values := map[string]map[string]slack.BlockAction{}
		for name, value := range map[string]string{"username": username, "reason": reason} {
			values[name] = map[string]slack.BlockAction{"value": {Type: "plain_text_input", Value: value}}
		}
		for name, value := range map[string]string{"cluster": cluster, "mod": mod} {
			values[name] = map[string]slack.BlockAction{"value": {Type: "static_select", SelectedOption: slack.OptionBlockObject{Value: value}}}
		}
		o.handle(t, socketmode.Event{
			Type: socketmode.EventTypeInteractive, Request: &socketmode.Request{EnvelopeID: "fuzz"},
			Data: slack.InteractionCallback{
				Type: slack.InteractionTypeViewSubmission, User: slack.User{ID: omar, TeamID: "T0EHPC"},
				View: slack.View{ID: "V" + callback + username, CallbackID: callback, PrivateMetadata: metadata, State: &slack.ViewState{Values: values}},
			},
		})
		for {
			s, err := o.service.Story(t.Context(), last+1)
			if approval.Refused(err) != nil {
				break
			}
			require.NoError(t, err)
			last = s.ID
			require.NoError(t, ehpc.ValidateUsername(s.Username))
			require.Contains(t, []string{ehpctest.ClusterID, ehpctest.OtherClusterID}, s.ClusterID)
			require.Equal(t, omar, s.Requester)
			_, err = o.service.Cancel(t.Context(), s.ID, omar) // to make room for the next
			require.NoError(t, err)
		}
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
