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
	case socketmode.EventTypeHello, socketmode.EventTypeDisconnect:
	case socketmode.EventTypeEventsAPI:
		if opened, is := homeOpened(r); is {
			event.Data = opened
		}
	case socketmode.EventTypeSlashCommand:
		event.Data, err = payload[slack.SlashCommand](r)
	case socketmode.EventTypeInteractive:
		event.Data, err = interaction(r)
	default:
		err = errors.New("an unknown type")
	}
	return event, err
}

// HomeOpened tells that somebody has opened the app's Home tab.
type HomeOpened struct {
	Team   string // in which they did
	Person string
	Hash   string // by which Slack knows what they see there; empty: nothing was published for them yet
}

// homeOpened reads the one event that the app asks for. With any other, and with one that can't be read, there is nothing
// to do but to acknowledge it, as Slack would send it again. slack-go can't read the view in it whenever Slack sends the
// state of its menus as a list (github.com/slack-go/slack/issues/943); of that the hash is all that is needed.
func homeOpened(r socketmode.Request) (HomeOpened, bool) {
	read, err := payload[struct {
		Team  string `json:"team_id"`
		Event struct {
			Type, User, Tab string
			View            struct{ Hash string }
		}
	}](r)
	e := read.Event
	return HomeOpened{read.Team, e.User, e.View.Hash}, err == nil && e.Type == "app_home_opened" && e.Tab == "home"
}

// interaction reads what people do with messages, forms and shortcuts. What else there may be some day is not handled, and so not to
// be acknowledged as if it were.
func interaction(r socketmode.Request) (slack.InteractionCallback, error) {
	data, err := payload[slack.InteractionCallback](r)
	switch data.Type {
	case slack.InteractionTypeBlockActions, slack.InteractionTypeViewSubmission, slack.InteractionTypeViewClosed, slack.InteractionTypeShortcut:
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
