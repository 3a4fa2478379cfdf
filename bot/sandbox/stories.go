package sandbox

import (
	"fmt"
	"html/template"
	"strconv"
)

// direct stands for the conversation with the bot, in a step.
const direct = "direct"

// step is one thing to do, and what there is to see then.
type step struct {
	as, in  string // who to be, and where
	do, see string
	say     string // what the box holds already
	fault   string // the name of a fault for which the step has a button
}

// stories are to be followed step by step.
var stories = []struct {
	title string
	steps []step
}{
	{"The whole way", []step{
		{as: "U0ISABEL", in: general, say: `/ehpc-adduser isabel reason="thesis project"`,
			do:  "You are Isabel. Send the command that stands in the box.",
			see: "The answer is in the conversation at once, and only Isabel sees it. The request is on disk by then."},
		{as: "U0ANNA", in: approvals,
			do:  "Now you are Anna, who approves. Press Approve, and confirm.",
			see: "The same message follows the request: the account is being made, and after some seconds the credentials are delivered."},
		{as: "U0ISABEL", in: direct,
			do:  "You are Isabel again. Look at the message with the credentials, and open Notifications at the side.",
			see: "The notification held no password: it came into the message later, by a change."},
		{as: "U0ISABEL", in: direct,
			do:  "Press the button that says that you have saved the password.",
			see: "The password is gone from the message, and the audit log says so."},
	}},
	{"The credentials behind a button", []step{
		{as: "U0ISABEL", in: general, fault: "by-button",
			do:  "Start the bot again with the credentials behind a button, by the button here.",
			see: "The bot's line at the top says that it is connected again."},
		{as: "U0ISABEL", in: general, say: "/ehpc-adduser isabel",
			do:  "You are Isabel. Send the command that stands in the box.",
			see: "The request waits for approval."},
		{as: "U0ANNA", in: approvals,
			do:  "You are Anna. Press Approve.",
			see: "The message says that Isabel has a button, and has not pressed it yet."},
		{as: "U0ISABEL", in: direct,
			do:  "You are Isabel again. Press Show credentials.",
			see: "A window opens, before Isabel alone, as often as she presses. No message holds the password, and the audit log has each showing."},
		{as: "U0ISABEL", in: direct,
			do:  "Close the window. Press the button that says that you have saved the password, and then the one that says that you can't log in.",
			see: "The password is erased. You are asked what you see: choose something, and send it."},
		{as: "U0ANNA", in: approvals,
			do:  "You are Anna. Look for the newest message.",
			see: "The approvers read what Isabel sees, with what the API tells of the cluster and the account."},
	}},
	{"A denial with a reason", []step{
		{as: "U0LIWEI", in: general, say: "/ehpc-adduser",
			do:  "You are 李伟. Send the command alone: a form opens. Try the username liweiliwei first, which is too long, then liwei.",
			see: "The form speaks Chinese, as 李伟 does in Slack. What is wrong with a field is said below it."},
		{as: "U0BEN", in: approvals,
			do:  "Now you are Ben, who approves. Press Deny, and give a reason.",
			see: "The message says who denied it, and why. Its buttons are gone."},
		{as: "U0LIWEI", in: direct,
			do:  "You are 李伟 again. Look at the direct message.",
			see: "李伟 is told in Chinese, with the reason as it was typed. No account was made: look at Accounts."},
	}},
	{"The name is taken", []step{
		{as: "U0ISABEL", in: general, say: "/ehpc-adduser otto", fault: "taken",
			do:  "Let somebody else make the account otto, by the button here. Then ask for the same name.",
			see: "She is told at once that the name is taken, with a free one beside it. The API's calls show one look-up, and nobody is asked to approve."},
		{as: "U0ISABEL", in: general, say: "/ehpc-adduser otto2",
			do:  "Ask for the one beside it.",
			see: "The answer says who decides and until when, and lets her remind them or take the request back."},
	}},
	{"The bot is killed in the middle", []step{
		{as: "U0ISABEL", in: general, say: "/ehpc-adduser isabel", fault: "jobs-hang",
			do:  "Keep the cluster's jobs from ending, by the button here. Then ask for an account.",
			see: "The request waits for approval."},
		{as: "U0ANNA", in: approvals,
			do:  "You are Anna. Press Approve, and wait until the account is being made.",
			see: "The API's calls show one addUser, and then looks at its job."},
		{as: "U0ANNA", in: approvals, fault: "kill",
			do:  "Kill the bot. Then press or type anything.",
			see: "The bot's line at the top says that it does not run, and Slack that the app does not respond. The process is really gone."},
		{as: "U0ISABEL", in: direct, fault: "well",
			do:  "Let all be well again, by the button here: the bot starts and the job ends.",
			see: "The credentials come. Accounts shows one account, and the API's calls still only one addUser."},
	}},
	{"The API's outcome is unknown", []step{
		{as: "U0ISABEL", in: general, say: "/ehpc-adduser isabel", fault: "api-lost",
			do:  "Lose the API's next answer to addUser, by the button here. Then ask for an account.",
			see: "The request waits for approval."},
		{as: "U0ANNA", in: approvals,
			do:  "You are Anna. Press Approve, and look at the API's calls.",
			see: "addUser was dropped: the bot can't know whether it had an effect. It looks for the account instead of asking again."},
		{as: "U0ISABEL", in: direct,
			do:  "You are Isabel again. Look at the direct message, and at Accounts.",
			see: "One account, and credentials that are its own: the password was sealed and stored before the call."},
	}},
	{"A lost password", []step{
		{as: "U0ISABEL", in: general, say: "/ehpc-adduser isabel",
			do:  "You are Isabel. Ask for an account.",
			see: "The request waits for approval."},
		{as: "U0ANNA", in: approvals,
			do:  "You are Anna. Press Approve, and wait until the credentials are delivered.",
			see: "Accounts shows the account isabel."},
		{as: "U0ISABEL", in: direct,
			do:  "You are Isabel again. Say that you have saved the password. Then press New password, and confirm.",
			see: "Another password comes in a message of its own. Nobody had to approve it, and the channel is left in peace."},
		{as: "U0ISABEL", in: direct, say: "/ehpc-adduser reset isabel", fault: "changed",
			do:  "Let Isabel change the password on the cluster itself, by the button here. Then ask for another by the command that stands in the box.",
			see: "The cluster refuses it, and Isabel is told that the approvers know what to do by hand."},
		{as: "U0ANNA", in: approvals,
			do:  "You are Anna. Look at the new message in the channel.",
			see: "It says what to do, and has a button with which to try again."},
	}},
}

// at is the viewer at a step of a story.
func (v viewer) at(story, n int) viewer {
	s := stories[story-1].steps[n-1]
	v.story, v.step, v.in = story, n, s.in
	for _, p := range people() {
		if p.ID == s.as {
			v.as = p
		}
	}
	if s.in == direct {
		v.in = directWith(s.as)
	}
	return v
}

// said is what the box holds already.
func (v viewer) said() string {
	if v.story == 0 {
		return ""
	}
	return stories[v.story-1].steps[v.step-1].say
}

func (v viewer) drawStories() template.HTML {
	var all template.HTML
	for i, s := range stories {
		all += tag("li", nil, tag("a", attrs{"href", v.at(i+1, 1).address(), "aria-current", when(v.story == i+1, "true")}, text(v.t(s.title))))
	}
	return tag("ol", nil, all)
}

// drawGuide draws the step at which the viewer is.
func (v viewer) drawGuide() template.HTML {
	if v.story == 0 {
		return ""
	}
	story := stories[v.story-1]
	s := story.steps[v.step-1]
	inside := tag("h2", nil, text(v.t(story.title)+" "), tag("small", nil, text(strconv.Itoa(v.step)+" / "+strconv.Itoa(len(story.steps))))) +
		tag("p", nil, text(v.t(s.do)))
	if f, found := findFault(s.fault); found {
		inside += tag("p", nil, v.drawFault(f))
	}
	inside += tag("p", attrs{"class", "see"}, tag("b", nil, text(v.t("What to see:"))), text(" "+v.t(s.see)))
	return tag("section", attrs{"class", "guide", "aria-label", fmt.Sprint(v.t(story.title), " ", v.step)}, inside, tag("p", attrs{"class", "steps"}, v.drawSteps(len(story.steps))))
}

func (v viewer) drawSteps(last int) template.HTML {
	var all template.HTML
	if v.step > 1 {
		all += tag("a", attrs{"href", v.at(v.story, v.step-1).address()}, text(v.t("Back")))
	}
	if v.step < last {
		return all + tag("a", attrs{"href", v.at(v.story, v.step+1).address(), "class", "next"}, text(v.t("Next")))
	}
	v.story, v.step = 0, 0
	return all + tag("a", attrs{"href", v.address(), "class", "next"}, text(v.t("End of the story")))
}
