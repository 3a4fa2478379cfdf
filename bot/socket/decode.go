package socket

import (
	"encoding/json"
	"errors"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// decode decodes a message of Slack's. Of one that it can't decode it tells the type, where there is one.
func decode(message []byte) (event socketmode.Event, err error) {
	var r socketmode.Request
	if err := json.Unmarshal(message, &r); err != nil {
		return event, err
	}
	event = socketmode.Event{Type: socketmode.EventType(r.Type), Request: &r}
	switch event.Type {
	case socketmode.EventTypeHello, socketmode.EventTypeDisconnect, socketmode.EventTypeEventsAPI:
	case socketmode.EventTypeSlashCommand:
		event.Data, err = payload[slack.SlashCommand](r)
	case socketmode.EventTypeInteractive:
		event.Data, err = interaction(r)
	default:
		err = errors.New("an unknown type")
	}
	return event, err
}

// interaction reads what people do with messages and forms. What else there may be some day is not handled, and so not to
// be acknowledged as if it were.
func interaction(r socketmode.Request) (slack.InteractionCallback, error) {
	data, err := payload[slack.InteractionCallback](r)
	switch data.Type {
	case slack.InteractionTypeBlockActions, slack.InteractionTypeViewSubmission, slack.InteractionTypeViewClosed:
		return data, err
	}
	return data, errors.Join(err, errors.New("an unknown interaction"))
}

// payload leaves out is_enterprise_install, which nobody here needs: Slack sends it as true and as "true", and
// slack-go does not know both everywhere (github.com/slack-go/slack/issues/1265).
func payload[T any](r socketmode.Request) (data T, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(r.Payload, &fields); err != nil {
		return data, err
	}
	delete(fields, "is_enterprise_install")
	rest, err := json.Marshal(fields)
	if err == nil {
		err = json.Unmarshal(rest, &data)
	}
	return data, err
}
