package bot_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
	"ehpcbot/ehpc/secret"
)

// passing are faults that are over by themselves, and what the log says of them; empty: a limit is no fault.
var passing = map[string]struct {
	fault slacktest.Fault
	logs  string
}{
	"429":                 {slacktest.Fault{RetryAfter: time.Second}, ""},
	"500":                 {slacktest.Fault{Status: http.StatusInternalServerError}, "500"},
	"503 in HTML":         {slacktest.Fault{Status: http.StatusServiceUnavailable, Body: []byte("<html>")}, "503"},
	"no JSON":             {slacktest.Fault{Body: []byte("<html>away</html>")}, "error"},
	"broken before":       {slacktest.Fault{DropBefore: true}, "EOF"},
	"broken after":        {slacktest.Fault{DropAfter: true}, "EOF"},
	"internal_error":      {slacktest.Fault{Error: "internal_error"}, "internal_error"},
	"fatal_error":         {slacktest.Fault{Error: "fatal_error"}, "fatal_error"},
	"service_unavailable": {slacktest.Fault{Error: "service_unavailable"}, "service_unavailable"},
	"request_timeout":     {slacktest.Fault{Error: "request_timeout"}, "request_timeout"},
	"ratelimited":         {slacktest.Fault{Error: "ratelimited"}, "ratelimited"},
}

// Whatever passing fault a call of a job meets, the request comes to its end all the same.
func TestPassingFaults(t *testing.T) {
	t.Parallel()
	in := func(conversation string) func(slacktest.Call) bool {
		return func(c slacktest.Call) bool { return c.Params.Get("channel") == conversation }
	}
	calls := map[string]struct {
		method string
		match  func(slacktest.Call) bool
	}{
		"ask the approvers":    {"chat.postMessage", in(channel)},
		"follow":               {"chat.update", in(channel)},
		"post the message":     {"chat.postMessage", in(isabel)},
		"show the credentials": {"chat.update", in("D0ISABEL")},
	}
	t.Cleanup(func() {
		t.Logf("figures: %d passing faults of Slack at %d kinds of calls: logged, and over by themselves", len(passing), len(calls))
	})
	for what, call := range calls {
		for name, c := range passing {
			t.Run(what+"/"+name, func(t *testing.T) {
				t.Parallel()
				o := open(t, plan{}).connected()
				f := c.fault
				f.Match, f.Times = call.match, 2
				if f.DropAfter || f.RetryAfter > 0 {
					f.Times = 1 // more would only be more of the same messages, and of seconds
				}
				o.slack.Fail(call.method, f)
				o.press(anna, o.asked("isabel"), "Approve")
				m := o.delivered("isabel")
				o.says(channel, "got the credentials")
				o.says(m.Channel, "Password")
				require.Equal(t, 1, o.showing("isabel"), "the credentials are in one message")
				if c.logs != "" {
					o.eventually(func() bool { return o.log.has("job will be repeated", c.logs) }, "the job is repeated")
				} else {
					require.False(t, o.log.has("level=WARN"), o.log)
				}
				o.clean()
			})
		}
	}
}

// documented are the errors that docs.slack.dev/reference/methods has for the methods that jobs use, but for those about
// the token, which end the bot.
var documented = map[string][]string{
	"chat.postMessage": {
		"channel_not_found", "duplicate_channel_not_found", "duplicate_message_not_found", "not_in_channel", "is_archived", "msg_too_long",
		"no_text", "restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_only_channel",
		"restricted_action_non_threadable_channel", "restricted_action_thread_locked", "too_many_attachments", "too_many_contact_cards",
		"rate_limited", "as_user_not_supported", "ekm_access_denied", "slack_connect_file_link_sharing_blocked", "invalid_blocks",
		"invalid_blocks_format", "messages_tab_disabled", "metadata_too_large", "team_access_not_granted", "invalid_metadata_format",
		"invalid_metadata_schema", "metadata_must_be_sent_from_app", "msg_blocks_too_long", "message_limit_exceeded", "cannot_dm_bot",
		"user_not_found", "user_disabled",
	},
	"chat.update": {
		"cant_update_message", "channel_not_found", "message_not_found", "edit_window_closed", "block_mismatch", "msg_too_long", "no_text",
		"as_user_not_supported", "invalid_blocks", "invalid_blocks_format", "not_in_channel", "is_archived", "is_inactive",
		"external_channel_migrating", "team_access_not_granted", "metadata_too_large", "invalid_metadata_format", "msg_blocks_too_long",
		"ekm_access_denied", "update_failed", "streaming_state_conflict",
	},
	"": { // any method
		"access_denied", "no_permission", "org_login_required", "missing_scope", "method_deprecated", "deprecated_endpoint",
		"two_factor_setup_required", "enterprise_is_restricted", "invalid_arguments", "invalid_arg_name", "invalid_array_arg", "invalid_charset",
		"invalid_form_data", "invalid_post_type", "missing_post_type", "team_added_to_org", "ratelimited", "accesslimited", "request_timeout",
		"service_unavailable", "fatal_error", "internal_error", "an_error_that_is_new",
	},
}

// Whatever Slack says to a call once, the log has it, and the request comes to its end all the same, with the
// credentials in one message.
func TestDocumentedErrors(t *testing.T) {
	t.Parallel()
	calls := map[string]struct {
		method string
		in     string
	}{
		"ask the approvers":    {"chat.postMessage", channel},
		"follow":               {"chat.update", channel},
		"post the message":     {"chat.postMessage", isabel},
		"show the credentials": {"chat.update", "D0ISABEL"},
	}
	test := func(what string, codes []string) {
		call := calls[what]
		t.Run(what+", "+codes[0], func(t *testing.T) {
			t.Parallel()
			o := open(t, plan{}).connected()
			for i, code := range codes {
				o.slack.Fail(call.method, slacktest.Fault{Error: code, Match: func(c slacktest.Call) bool {
					return c.Params.Get("channel") == call.in && strings.Contains(c.Params.Get("blocks"), username(i))
				}})
			}
			for i := range codes {
				o.ask(username(i))
			}
			for i := range codes {
				o.press(anna, o.says(channel, username(i), "Approve"), "Approve")
			}
			for i, code := range codes {
				o.delivered(username(i))
				if what == "follow" && code == "message_not_found" { // believed: nobody needs a message of what is over
					o.eventually(func() bool { return o.log.has("level=", code) }, "the message is said to be gone")
				} else {
					o.says(channel, username(i), "got the credentials")
				}
				require.Equal(t, 1, o.showing(username(i)), "%s: the credentials are in one message", code)
				require.True(t, o.log.has("level=", code), "%s is not in the log", code)
			}
			o.clean()
		})
	}
	figures := map[string]int{}
	for what, call := range calls {
		codes := slices.Concat(documented[call.method], documented[""])
		for some := range slices.Chunk(codes, 25) { // Slack takes a message a second, with bursts
			test(what, some)
			if os.Getenv("CI") == "" {
				break // the others take much of a machine's time, and tell the same
			}
		}
		figures[call.method] = len(codes)
	}
	t.Cleanup(func() {
		t.Logf("figures: %d errors of chat.postMessage and %d of chat.update: logged, and over when Slack has no more of them",
			figures["chat.postMessage"], figures["chat.update"])
	})
}

// showing counts the direct messages that hold the password of an account.
func (o *office) showing(username string) int {
	n := 0
	password, made := o.ehpc.Password(ehpctest.ClusterID, username)
	if !made {
		return 0
	}
	for _, m := range o.slack.Person(isabel).DirectMessages() {
		if strings.Contains(m.Plain(), password) {
			n++
		}
	}
	return n
}

// Slack does not let the bot write to a person, until somebody mends that.
func TestDirectMessageRefused(t *testing.T) {
	t.Parallel()
	refuse := func(code string) func(*office, bool) {
		return func(o *office, on bool) {
			o.slack.ClearFaults()
			if on {
				o.slack.Fail("chat.postMessage", slacktest.Fault{Error: code, Times: -1, Match: func(c slacktest.Call) bool {
					return c.Params.Get("channel") == isabel
				}})
			}
		}
	}
	ways := map[string]func(*office, bool){
		"messages_tab_disabled": func(o *office, on bool) { o.slack.SetMessagesTab(!on) },
		"user_disabled":         refuse("user_disabled"),
		"cannot_dm_bot":         refuse("cannot_dm_bot"),
		"restricted_action":     refuse("restricted_action"),
		"missing_scope":         refuse("missing_scope"),
	}
	for code, refused := range ways {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			o := open(t, plan{}).connected()
			m := o.asked("isabel")
			refused(o, true)
			o.press(anna, m, "Approve")
			o.says(channel, "isabel", code) // what the approvers see
			require.True(t, o.log.has("job will be repeated", "job=deliver", code), o.log)
			require.Zero(t, o.showing("isabel"))
			refused(o, false)
			o.delivered("isabel")
			o.says(channel, "got the credentials")
			require.Equal(t, 1, o.showing("isabel"))
			o.clean()
		})
	}
	t.Run("told of an end", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{}).connected()
		o.asked("isabel")
		o.slack.AddUser(slacktest.User{ID: isabel, Name: "isabel", Deleted: true})
		_, err := o.service.Deny(t.Context(), o.target(1), anna, "")
		require.NoError(t, err)
		o.eventually(func() bool { return o.log.has("nobody who could be told", "user_disabled") }, "the notice is given up")
		require.False(t, o.log.has("job=notify"), o.log)
	})
}

// The approval channel takes no messages, until somebody mends that.
func TestClosedChannel(t *testing.T) {
	t.Parallel()
	set := func(c slacktest.Channel) func(*office) {
		c.ID, c.Name = channel, "approvals"
		return func(o *office) { o.slack.SetChannel(c) }
	}
	ways := map[string]struct {
		close  func(*office)
		advice string
	}{
		"is_archived":    {set(slacktest.Channel{Archived: true, BotIsMember: true}), "unarchive it"},
		"not_in_channel": {set(slacktest.Channel{}), "/invite"},
		"restricted_action_read_only_channel": {func(o *office) {
			o.slack.Fail("chat.postMessage", slacktest.Fault{Error: "restricted_action_read_only_channel", Times: -1, Match: func(c slacktest.Call) bool {
				return c.Params.Get("channel") == channel
			}})
		}, "an administrator of the workspace"},
		"channel_not_found": {func(o *office) {
			o.slack.Fail("*", slacktest.Fault{Error: "channel_not_found", Times: -1, Match: func(c slacktest.Call) bool {
				return c.Params.Get("channel") == channel
			}})
		}, "correct the id"},
	}
	mend := func(o *office) {
		o.slack.ClearFaults()
		set(slacktest.Channel{BotIsMember: true})(o)
	}
	for code, way := range ways {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			o := open(t, plan{}).connected()
			way.close(o)
			require.Contains(t, o.ask("isabel").Plain(), "isabel", "the request is taken")
			o.eventually(func() bool { return o.bot.Ready() != nil }, "it is not ready")
			for _, words := range []string{"APPROVAL_CHANNEL", code, way.advice} {
				require.ErrorContains(t, o.bot.Ready(), words)
				o.eventually(func() bool { return o.log.has("job will be repeated", "job=refresh", words) }, "the log says "+words)
			}
			mend(o)
			m := o.says(channel, "isabel", "Approve")
			o.eventually(func() bool { return o.bot.Ready() == nil }, "it is ready again")
			o.eventually(func() bool { return o.log.has("messages get to the approval channel again") }, "the log says so")
			o.press(anna, m, "Approve")
			o.delivered("isabel")
			o.clean()
		})
	}
	t.Run("what has ended is not repeated", func(t *testing.T) {
		t.Parallel()
		for _, before := range []bool{true, false} { // it was closed before the request was shown, or after that
			o := open(t, plan{}).connected()
			if before {
				ways["is_archived"].close(o)
			} else {
				o.asked("isabel")
				ways["is_archived"].close(o)
			}
			o.ask("isabel") // a repetition, or the request
			o.eventually(func() bool { return !before || o.bot.Ready() != nil }, "the bot has tried")
			o.ask("cancel 1")
			o.says("D0ISABEL", "took", "back")
			o.eventually(func() bool {
				return o.log.has("the end of a request is not shown", map[bool]string{true: "nobody saw it before", false: "is_inactive"}[before])
			}, "the log says so")
			require.ErrorContains(t, o.bot.Ready(), "archived")
			mend(o)
			o.asked("omar")
			o.clean()
		}
	})
}

// unseen deletes a message by hand.
func (o *office) unseen(m slacktest.Message) {
	o.t.Helper()
	hand := slack.New(slacktest.BotToken, slack.OptionAPIURL(o.slack.APIURL()))
	_, _, err := hand.DeleteMessageContext(o.t.Context(), m.Channel, m.TS)
	require.NoError(o.t, err)
}

func TestMessageDeletedByHand(t *testing.T) {
	t.Parallel()
	t.Run("while it waits for approvers", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{before: func(o *office) { o.policy.Required = 2 }}).connected()
		first := o.asked("isabel")
		o.unseen(first)
		o.slack.Person(anna).PressAction(t.Context(), first, slacktest.Action{ActionID: first.Buttons()[0].ActionID, Value: first.Buttons()[0].Value})
		second := o.says(channel, "isabel", "Approve")
		require.NotEqual(t, first.TS, second.TS)
		require.True(t, o.log.has("a new one follows", "message_not_found"))
		o.press(greta, second, "Approve")
		o.delivered("isabel")
		o.clean()
	})
	t.Run("when nobody needs it", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{}).connected()
		first := o.asked("isabel")
		o.unseen(first)
		_, err := o.service.Approve(t.Context(), o.target(1), anna)
		require.NoError(t, err)
		o.delivered("isabel")
		require.Len(t, o.slack.Messages(channel), 1, "no other follows")
		o.clean()
	})
	t.Run("before it holds the credentials", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{}).connected()
		m := o.asked("isabel")
		var once bool
		o.slack.OnCall(func(c slacktest.Call, phase string) {
			if c.Method == "chat.update" && phase == slacktest.Before && c.Params.Get("channel") == "D0ISABEL" && !once {
				once = true
				o.unseen(o.slack.Person(isabel).DirectMessages()[0])
			}
		})
		o.press(anna, m, "Approve")
		o.delivered("isabel")
		require.Equal(t, 1, o.showing("isabel"))
		require.True(t, o.log.has("job=deliver", "is gone, a new one follows"))
		o.clean()
	})
	t.Run("with the credentials", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{}).connected()
		o.press(anna, o.asked("isabel"), "Approve")
		o.unseen(o.delivered("isabel"))
		o.says(channel, "got the credentials")
		_, err := o.service.Clear(t.Context(), o.target(1), isabel)
		require.NoError(t, err)
		require.NoError(t, o.slack.Wait(o.patient(), func() bool { return len(o.slack.Calls("chat.update")) > 0 }))
		o.asked("omar") // goes on
		o.clean()
	})
}

// The workspace, or a rule about blocks, does not let messages be changed.
func TestMessagesThatCantBeChanged(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"edit_window_closed", "cant_update_message", "block_mismatch"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			o := open(t, plan{}).connected()
			if code == "edit_window_closed" {
				o.slack.SetEditWindow(0)
			} else {
				o.slack.Fail("chat.update", slacktest.Fault{Error: code, Times: -1})
			}
			first := o.asked("isabel")
			o.press(anna, first, "Approve")
			m := o.delivered("isabel")
			require.Len(t, m.History, 0, "as a message of its own")
			last := o.says(channel, "got the credentials")
			require.NotEqual(t, first.TS, last.TS)
			require.NoError(t, o.slack.Wait(o.patient(), func() bool { return len(o.present(channel)) == 1 }), "the outdated ones are deleted")
			require.Equal(t, 1, o.showing("isabel"))
			require.True(t, o.log.has("the workspace forbids editing"))
			o.press(isabel, m, m.Buttons()[0].Text)
			require.NoError(t, o.slack.Wait(o.patient(), func() bool { return o.showing("isabel") == 0 }))
			o.clean()
		})
	}
	t.Run("and the answer to the credentials got lost", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{}).connected()
		o.slack.SetEditWindow(0)
		o.slack.Fail("chat.postMessage", slacktest.Fault{DropAfter: true, Times: 1, Match: func(c slacktest.Call) bool {
			return strings.Contains(c.Params.Get("blocks"), "Password")
		}})
		o.press(anna, o.asked("isabel"), "Approve")
		forgotten := o.delivered("isabel")
		o.says(channel, "got the credentials")
		require.Equal(t, 2, o.showing("isabel"), "one more than the bot knows of")
		o.press(isabel, forgotten, "I have saved it")
		require.NoError(t, o.slack.Wait(o.patient(), func() bool { return o.showing("isabel") == 0 }), "both are cleared")
		o.clean()
	})
	t.Run("after two messages without the secret", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{idle: true})
		require.NoError(t, o.bot.Introduce(t.Context()))
		story, err := o.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel"})
		require.NoError(t, err)
		hand := slack.New(slacktest.BotToken, slack.OptionAPIURL(o.slack.APIURL()))
		_, _, _, err = hand.OpenConversationContext(t.Context(), &slack.OpenConversationParameters{Users: []string{isabel}})
		require.NoError(t, err)
		for _, ref := range []string{"1.1", "1.2"} { // by a job that ran twice
			m := approval.Message{Purpose: approval.PurposeCredentials, Place: o.slack.DirectID(isabel), Ref: ref}
			require.NoError(t, o.service.Sent(t.Context(), story.ID, m))
		}
		story, err = o.service.Story(t.Context(), story.ID)
		require.NoError(t, err)
		o.slack.Fail("chat.update", slacktest.Fault{Error: "edit_window_closed", Times: -1})
		require.NoError(t, o.bot.Messenger().Deliver(t.Context(), story, secret.New("Aa1!Aa1!Aa1!")))
		direct := o.slack.Person(isabel).DirectMessages()

		require.Len(t, direct, 1)
		require.Contains(t, direct[0].Plain(), "Aa1!Aa1!Aa1!")
	})
	t.Run("nor deleted", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{}).connected()
		o.press(anna, o.asked("isabel"), "Approve")
		m := o.delivered("isabel")
		o.says(channel, "got the credentials")
		o.slack.SetEditWindow(0)
		o.slack.Fail("chat.delete", slacktest.Fault{Error: "compliance_exports_prevent_deletion", Times: -1})
		o.press(isabel, m, m.Buttons()[0].Text)
		o.eventually(func() bool {
			return o.log.has("level=ERROR", "can't be cleared", "compliance_exports_prevent_deletion")
		}, "the log says so")
		o.clean()
	})
}

// present returns the messages of a conversation that are still there.
func (o *office) present(conversation string) (present []slacktest.Message) {
	for _, m := range o.slack.Messages(conversation) {
		if !m.Deleted {
			present = append(present, m)
		}
	}
	return present
}

// The last good list of approvers counts for some minutes, and then nobody is an approver.
func TestApproversUnknown(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacktest.Fault{
		"error":   {Error: "internal_error", Times: -1},
		"plan":    {Error: "plan_upgrade_required", Times: -1},
		"429":     {RetryAfter: time.Second, Times: -1},
		"hanging": {Delay: 10 * time.Second, Times: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			time := newClock()
			o := open(t, plan{clock: time.now}).connected()
			o.press(greta, o.asked("one"), "Approve")
			o.delivered("one")
			o.slack.Fail("usergroups.users.list", fault)
			time.advance(4 * 60e9)
			o.press(greta, o.asked("two"), "Approve")
			o.delivered("two")
			time.advance(2 * 60e9)
			m := o.asked("three")
			o.press(greta, m, "Approve")
			o.told(greta, "can't find out")
			require.True(t, o.log.has("approver group can't be asked"))
			o.press(anna, m, "Deny") // who is listed by name is an approver all the same
			_, err := o.slack.Person(anna).WaitModal(o.patient())
			require.NoError(t, err)
			o.slack.ClearFaults()
			o.eventually(func() bool { // a 429, and questions under way, end by real time
				time.advance(60e9)
				o.press(greta, m, "Approve")
				story, err := o.service.Story(t.Context(), 3)
				return err == nil && story.State != approval.Pending
			}, "she is an approver again")
			o.delivered("three")
			o.clean()
		})
	}
}

// Slack does not say who people are: those who ask are let in, as an approver looks at it in any case; those
// who decide are not.
func TestPeopleUnknown(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacktest.Fault{
		"error":   {Error: "internal_error", Times: -1},
		"nobody":  {Body: []byte(`{"ok":true,"user":null}`), Times: -1},
		"500":     {Status: http.StatusInternalServerError, Times: -1},
		"hanging": {Delay: 10 * time.Second, Times: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			time := newClock()
			o := open(t, plan{clock: time.now}).connected()
			o.slack.Fail("users.info", fault)
			m := o.asked("isabel")
			o.press(anna, m, "Approve")
			o.told(anna, "Please try again in a minute")
			require.True(t, o.log.has("somebody is not let in", "ask Slack about a person") || o.log.has("somebody is not let in", "no answer from Slack"), o.log)
			o.slack.ClearFaults()
			o.eventually(func() bool { // questions under way end by real time
				time.advance(60e9)
				o.press(anna, m, "Approve")
				story, err := o.service.Story(t.Context(), 1)
				return err == nil && story.State != approval.Pending
			}, "she is let in again")
			o.delivered("isabel")
			o.clean()
		})
	}
}

// A form that Slack does not open: the person is told, and nothing has changed.
// Whom Slack does not know is nobody of the workspace, and an approver who is deactivated is one no more.
func TestPeopleWhoAreNone(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"user_not_found", "user_not_visible"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			o := open(t, plan{}).connected()
			m := o.asked("isabel")
			o.slack.Fail("users.info", slacktest.Fault{Error: code, Times: -1})
			require.Contains(t, o.slack.Person("U0NOBODY").Command(t.Context(), command, "omar").Plain(), "Only members of this workspace")
			o.press("U0NOBODY", m, "Approve")
			o.told("U0NOBODY", "Only members of this workspace")
			counts, err := o.service.Counts(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, counts[approval.Pending])
			o.clean()
		})
	}
	t.Run("deactivated meanwhile", func(t *testing.T) {
		t.Parallel()
		time := newClock()
		o := open(t, plan{clock: time.now}).connected()
		o.press(anna, o.asked("one"), "Approve")
		o.delivered("one")
		o.slack.AddUser(slacktest.User{ID: anna, Name: "anna", Deleted: true})
		time.advance(10e9)
		o.press(anna, o.asked("two"), "Approve")
		o.told(anna, "Only members of this workspace")
		o.clean()
	})
	t.Run("after one answer that failed", func(t *testing.T) {
		t.Parallel()
		o := open(t, plan{}).connected()
		m := o.asked("one")
		o.slack.Fail("users.info", slacktest.Fault{Status: http.StatusInternalServerError, Match: func(c slacktest.Call) bool { return c.Params.Get("user") == anna }})
		o.press(anna, m, "Approve")
		o.told(anna, "Please try again in a minute")
		o.press(anna, m, "Approve")
		o.delivered("one")
		o.clean()
	})
}

func TestFormNotOpened(t *testing.T) {
	t.Parallel()
	faults := map[string]slacktest.Fault{
		"500":           {Status: http.StatusInternalServerError, Times: -1},
		"429":           {RetryAfter: time.Second, Times: 1},
		"broken before": {DropBefore: true, Times: -1},
		"hanging":       {Delay: 10 * time.Second, Times: -1},
	}
	for _, code := range []string{"expired_trigger_id", "exchanged_trigger_id", "trigger_expired", "trigger_exchanged", "invalid_trigger_id", "internal_error"} {
		faults[code] = slacktest.Fault{Error: code, Times: -1}
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t, plan{}).connected()
			m := o.asked("isabel")
			o.slack.Fail("views.open", fault)
			require.Contains(t, o.ask("").Plain(), "The form could not be opened")
			if fault.Times < 0 {
				o.press(anna, m, "Deny")
				o.told(anna, "The form could not be opened")
			}
			require.True(t, o.log.has("the form could not be opened"))
			o.slack.ClearFaults()
			o.eventually(func() bool {
				o.press(anna, m, "Deny")
				_, opened := o.slack.Person(anna).Modal()
				return opened
			}, "a form opens")
			o.clean()
		})
	}
}

// Where the answer to a press does not get through one way, it goes the other.
func TestAnswerToAPress(t *testing.T) {
	t.Parallel()
	o := open(t, plan{}).connected()
	m := o.asked("isabel")
	o.slack.Fail(slacktest.ResponseURL, slacktest.Fault{Status: http.StatusNotFound, Times: 1})
	o.press(isabel, m, "Approve")
	o.told(isabel, "approver")
	o.slack.Fail(slacktest.ResponseURL, slacktest.Fault{DropBefore: true, Times: 1})
	o.slack.Fail("chat.postEphemeral", slacktest.Fault{Error: "user_not_in_channel", Times: 1})
	o.press(isabel, m, "Approve")
	o.eventually(func() bool { return o.log.has("a person could not be answered", "user_not_in_channel") }, "the log says so")
	o.clean()
}

// A limited approval channel does not delay direct messages.
func TestLimitedChannel(t *testing.T) {
	t.Parallel()
	o := open(t, plan{}).connected()
	m := o.asked("first")
	o.slack.Fail("chat.postMessage", slacktest.Fault{RetryAfter: 20 * time.Second, Times: -1, Match: func(c slacktest.Call) bool {
		return c.Params.Get("channel") == channel
	}})
	o.ask("second")
	o.eventually(func() bool { return o.log.has("job put off", "job=refresh", "request=2") }, "the channel is limited")
	o.ask("third")
	start := time.Now()
	o.press(anna, m, "Approve")
	o.delivered("first")
	require.Less(t, time.Since(start), 15*time.Second)
	refused := 0
	for _, c := range o.slack.Calls("chat.postMessage") {
		if c.Answer == "ratelimited" {
			refused++
		}
	}
	require.Equal(t, 1, refused, "it is not asked again before its time")
	o.clean()
}

// A burst keeps to Slack's limit from the second 429 on at the latest, and nothing is lost.
func TestBurstInALimitedChannel(t *testing.T) {
	t.Parallel()
	o := open(t, plan{before: func(o *office) { o.slack.SetChannelRate(1, 5) }}).connected()
	for i := range 9 {
		o.ask(username(i))
	}
	for i := range 9 {
		o.says(channel, username(i), "Approve")
	}
	require.LessOrEqual(t, o.slack.RateLimited("chat.postMessage"), 2)
	for i, m := range o.slack.Messages(channel) {
		require.Contains(t, m.Plain(), username(i), "oldest first")
	}
	o.clean()
}

// Slack limits how often messages are changed: it is not asked in vain again and again.
func TestLimitedUpdates(t *testing.T) {
	t.Parallel()
	o := open(t, plan{before: func(o *office) { o.slack.SetRateLimit("chat.update", 60, 1) }}).connected()
	const n = 5
	for i := range n {
		o.ask(username(i))
	}
	for i := range n {
		o.press(anna, o.says(channel, username(i), "Approve"), "Approve")
	}
	for i := range n {
		o.delivered(username(i))
	}
	require.LessOrEqual(t, o.slack.RateLimited("chat.update"), n+3, "those that were under way together, and few more")
	for i := range n {
		o.says(channel, username(i), "delivered")
	}
	o.clean()
}
