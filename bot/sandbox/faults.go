package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// fault is something that goes wrong at a press, and the line that says what to look at then.
type fault struct {
	name, label, watch string
	do                 func(*world) error // nil: is done by site.fault
}

// faults are in groups, by what they befall.
var faults = []struct {
	name string
	all  []fault
}{
	{"The EHPC API", []fault{
		{"api-5000", "Answers 5000, an internal error, to three calls of addUser",
			"Approve a request. Nobody can know what became of each call, so the bot looks for the account before it asks again, always with the same password. One account is made.",
			onAPI(func(a *ehpctest.Server) { a.Answer(ehpctest.ActionAddUser, 5000, 3) })},
		{"api-2500", "Answers 2500, the quota is used up, to three calls",
			"Approve a request. The bot waits longer each time and goes on by itself; nothing is lost.",
			onAPI(func(a *ehpctest.Server) { a.Answer(ehpctest.ActionAny, 2500, 3) })},
		{"api-1400", "Answers 1400, access denied, to the next addUser",
			"Approve a request. It fails with the API's answer, and the approvers get a button with which to try again.",
			onAPI(func(a *ehpctest.Server) { a.Answer(ehpctest.ActionAddUser, 1400, 1) })},
		{"api-2110", "Answers 2110, the username exists, to the next addUser",
			"Approve a request. It fails, as the name is taken: the bot hands over no password of an account that it did not make.",
			onAPI(func(a *ehpctest.Server) { a.Answer(ehpctest.ActionAddUser, 2110, 1) })},
		{"api-slow", "Takes five seconds for each call",
			"Type a command and approve. All takes longer, but Slack's envelopes are acknowledged at once, long before the three seconds are over.",
			onAPI(func(a *ehpctest.Server) {
				a.Fail(ehpctest.ActionAny, ehpctest.Fault{Delay: 5 * time.Second, Times: -1})
			})},
		{"api-hang", "Does the next addUser, and never answers",
			"Approve a request. After 30 seconds the bot gives the call up, finds the account that it made, and hands it over.",
			onAPI(func(a *ehpctest.Server) {
				a.Fail(ehpctest.ActionAddUser, ehpctest.Fault{DelayAnswer: time.Hour})
			})},
		{"api-lost", "Does the next addUser, and the answer is lost",
			"Approve a request. The connection breaks after the account is made. The bot looks, finds it, and does not make a second one.",
			onAPI(func(a *ehpctest.Server) { a.DropAfter(ehpctest.ActionAddUser, 1) })},
		{"job-fails", "The next job fails",
			"Approve a request. It fails without an account, and the approvers get a button with which to try again.",
			onAPI(func(a *ehpctest.Server) { a.FailJobs(1) })},
		{"jobs-hang", "Jobs do not end",
			"Approve a request. The account stays in the making, over restarts as well, until all is well again.",
			onAPI(func(a *ehpctest.Server) { a.HangJobs(true) })},
		{"taken", "Somebody else makes the account otto",
			"Ask for otto on Training: it is said at once that the name is taken. Or ask first, then press this and approve: the request fails, and the other's account is left alone.",
			onAPI(func(a *ehpctest.Server) { a.AddExisting(training, "otto", "not-the-bots-1A!") })},
		{"changed", "Isabel changes the password of the account isabel on the cluster itself",
			"Ask for a new password for an account isabel that is there. The cluster refuses it, the approvers are told what to do by hand, and Isabel that they were.",
			onAPI(func(a *ehpctest.Server) { a.ChangePassword(training, "isabel", "Her-own-1A!!") })},
		{"too-often", "Answers 1640, reset too often, to the next modifyUser",
			"Ask for a new password for an account that is there. The person is told to try again the next day.",
			onAPI(func(a *ehpctest.Server) { a.Answer(ehpctest.ActionModifyUser, 1640, 1) })},
	}},
	{"Slack", []fault{
		{"slack-429", "Answers 429, too many calls, to the next post and the next change",
			"Do something. The message comes two seconds later, when Slack allows it.",
			onMessages(slacktest.Fault{RetryAfter: 2 * time.Second})},
		{"slack-500", "Answers 500 to the next three posts and changes",
			"Do something. The messages are sent again until Slack takes them.",
			onMessages(slacktest.Fault{Status: http.StatusInternalServerError, Times: 3})},
		{"slack-edit", "Forbids to change messages",
			"Approve a request. The credentials come as a message of their own, as the one that announced them cannot be changed.",
			onSlack(func(s *slacktest.Server) { s.SetEditWindow(0) })},
		{"slack-drop", "Drops the connections",
			"The bot is connected anew within moments: type a command.",
			onSlack((*slacktest.Server).DropConnections)},
		{"slack-archive", "Somebody archives #hpc-approvals",
			"Ask for an account. The request is stored, and the approvers are asked once the channel is back.",
			onSlack(func(s *slacktest.Server) {
				archived := approvalChannel
				archived.Archived = true
				s.SetChannel(archived)
			})},
	}},
	{"The bot", []fault{
		{"kill", "Kill it, as a power cut would",
			"Type a command or press a button: Slack says that the app does not respond. What was accepted before is on disk. Start the bot again.",
			func(w *world) error { w.kill(); return nil }},
		{"start", "Start it again",
			"It connects, and goes on with whatever was under way.",
			(*world).start},
		{"hours", "Let hours pass, until the next reminder, expiry or clearing",
			"%s passed. The bot was off meanwhile. Approvers are reminded after 24 hours, requests expire after 72, and credentials are cleared after 24: press again for what comes next.", nil},
		{"by-button", "Start it again with the credentials behind a button",
			"Credentials from now on stand in no message, until the reset: a button opens them, for the requester alone. Ask for an account, and approve.",
			anew("CREDENTIALS_DELIVERY", "button")},
		{"sponsors", "Start it again, with sponsors who are asked first",
			"From now on, until the reset, who asks names a sponsor. Type /ehpc-adduser otto: a form opens. Choose somebody, and be them: their direct message has the buttons. The approvers are asked after that.",
			anew("SPONSOR_REQUIRED", "true")},
		{"policy", "Start it again, with a policy for the cluster Research",
			"From now on, until the reset, requests for Research are decided in #general, by Ben alone, and Li Wei, as one of @tutors, needs no approval there. Type /ehpc-adduser otto cluster=Research, as Isabel and as Li Wei.",
			(*world).withPolicy},
	}},
	{"After a fault", []fault{
		{"well", "All is well again",
			"No fault is left. What waited goes on, at the bot's next try.",
			func(w *world) error {
				w.api.ClearFaults()
				w.slack.ClearFaults()
				w.slack.SetEditWindow(-1)
				w.slack.SetChannel(approvalChannel)
				return w.start()
			}},
		{"reset", "Reset: begin anew", "All is as it was at first.", nil},
	}},
}

func onAPI(f func(*ehpctest.Server)) func(*world) error {
	return func(w *world) error { f(w.api); return nil }
}

func onSlack(f func(*slacktest.Server)) func(*world) error {
	return func(w *world) error { f(w.slack); return nil }
}

// anew starts the bot again, with a variable set.
func anew(variable, value string) func(*world) error {
	return func(w *world) error { return w.startWith(variable, value) }
}

func onMessages(f slacktest.Fault) func(*world) error {
	return onSlack(func(s *slacktest.Server) {
		s.Fail("chat.postMessage", f)
		s.Fail("chat.update", f)
	})
}

// fault lets something go wrong, and returns what to look at.
func (s *site) fault(ctx context.Context, w *world, v viewer, name string) (watch string, err error) {
	f, found := findFault(name)
	switch {
	case !found:
		return "", fmt.Errorf("there is no fault %q", name)
	case name == "reset":
		return v.t(f.watch), s.reset()
	case name == "hours":
		passed, err := w.elapse(context.WithoutCancel(ctx)) // who leaves the page leaves a bot that runs
		if err == nil && passed == 0 {
			return v.t("Nothing waits for its time to come. Ask for an account first."), nil
		}
		return fmt.Sprintf(v.t(f.watch), strings.TrimSuffix(passed.Round(time.Minute).String(), "0s")), err
	}
	return v.t(f.watch), f.do(w)
}

func findFault(name string) (fault, bool) {
	for _, group := range faults {
		if i := slices.IndexFunc(group.all, func(f fault) bool { return f.name == name }); i >= 0 {
			return group.all[i], true
		}
	}
	return fault{}, false
}
