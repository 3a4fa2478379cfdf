package messenger

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ehpcbot/bot/slackapi"
)

// closedAdvice says what to do about an approval channel that takes no messages.
var closedAdvice = map[string]string{
	"is_archived":         "it is archived: unarchive it, or set another",
	"is_inactive":         "it is archived or frozen: open it again, or set another", // so chat.update says it
	"not_in_channel":      "the bot is not in it: invite it there with /invite",
	"channel_not_found":   "Slack does not know it, or it is private and the bot is not in it: invite the bot there, or correct the id",
	"restricted_action":   "the workspace does not let the bot post there: an administrator of the workspace can allow it",
	"user_not_in_channel": "the bot is not in it: invite it there with /invite",
}

// advised returns what to do about a channel that takes no messages; isClosed is false for any other error.
func advised(err error) (advice string, isClosed bool) {
	code := slackapi.Code(err)
	if strings.HasPrefix(code, "restricted_action") { // there are several, such as restricted_action_read_only_channel
		code = "restricted_action"
	}
	advice, isClosed = closedAdvice[code]
	return advice, isClosed
}

// reached notes, of a call that had to do with an approval channel, whether messages get there, and says in
// the error what to do.
func (p *Messenger) reached(conversation string, err error) error {
	advice, isClosed := advised(err)
	channel, is := p.approvals(conversation)
	if !is || err != nil && !isClosed {
		return err
	}
	if isClosed {
		setting := "APPROVAL_CHANNEL"
		if channel != p.service.Config().Channel {
			setting = "POLICY_FILE"
		}
		err = fmt.Errorf("%s: no messages get to %s, %s: %w", setting, conversation, advice, err)
	}
	p.note(channel, func(r *room) {
		if r.closed != nil && err == nil {
			p.log.Info("messages get to the approval channel again", "channel", channel)
		}
		r.closed = err
	})
	return err
}

// closedTo reports whether a conversation takes no messages, whatever they say.
func closedTo(err error) bool {
	_, is := advised(err)
	return is
}

// gone reports whether Slack says that a message is no longer there.
func gone(err error) bool {
	return slices.Contains([]string{"message_not_found", "thread_not_found"}, slackapi.Code(err))
}

// fixed reports whether Slack says that a message can't be changed, by the workspace's rule on editing or
// because its blocks don't fit.
func fixed(err error) bool {
	return slices.Contains([]string{"edit_window_closed", "cant_update_message", "block_mismatch"}, slackapi.Code(err))
}

// passing reports whether Slack says that it is in trouble itself.
func passing(err error) bool {
	return slices.Contains([]string{"internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited"}, slackapi.Code(err))
}

// unreachable reports whether there is nobody behind a person's id who could be told anything.
func unreachable(err error) bool {
	return slices.Contains([]string{"user_disabled", "user_not_found", "cannot_dm_bot"}, slackapi.Code(err))
}

// closedForGood is how long it is tried to show the end of a request in a channel that takes no messages.
const closedForGood = 5 * time.Second
