package view

import (
	"time"

	"ehpcbot/approval"
	"ehpcbot/bot/command"
	"ehpcbot/ehpc/secret"
)

// reset makes a story one of a new password that nobody has to approve.
func reset(s *approval.Story) {
	s.Reset, s.Required, s.Mod, s.Reason = true, 0, "", ""
	if s.State != approval.Pending && s.State != approval.Denied {
		s.Decisions = nil
	}
}

// decidedReset is one that needs an approval.
func decidedReset(s *approval.Story) {
	decisions := s.Decisions
	reset(s)
	s.Required, s.Decisions = 1, decisions
}

func replaced(s *approval.Story) { s.ClearedAt, s.Replaced = monday.Add(3*time.Hour), true }

var resetFailures = []approval.Failure{
	approval.FailureMissing, approval.FailureReplaced, approval.FailureTooOften, approval.FailureRefused, approval.FailureOperator,
	approval.FailureTimeout, approval.FailureCluster, approval.FailureKey, approval.FailureDamaged, approval.FailureGone,
	approval.FailureUnreachable, approval.FailureNotAllowed, approval.FailureAbandoned, "unheard_of",
}

// resetMessages are those about new passwords.
func resetMessages(v View) map[string]Message {
	all := map[string]Message{
		"reset-asked":              v.Asked(story(approval.Approved, reset)),
		"reset-asked-decided":      v.Asked(story(approval.Pending, decidedReset)),
		"reset-already":            v.alreadyAsked(story(approval.Provisioning, reset, failing(approval.WaitingAPI, ""))),
		"reset-cancelled":          v.CancelDone(story(approval.Cancelled, decidedReset)),
		"reset-abandoned":          v.AbandonDone(story(approval.Failed, reset)),
		"reset-list":               v.List([]approval.Story{story(approval.Provisioning, reset), story(approval.Delivered)}),
		"reset-ready":              v.CredentialsReady(story(approval.Provisioned, reset)),
		"credentials-reset":        v.Credentials(story(approval.Provisioned, reset), secret.New(testPassword)),
		"reset-reminder":           v.Reminder(story(approval.Pending, decidedReset)),
		"reset-digest":             v.Digest(digest(numbered(story(approval.Pending), story(approval.Pending, decidedReset)))),
		"reset-turn":               v.Turn(story(approval.Pending, decidedReset)),
		"reset-cancelled-by-shell": v.Notice(story(approval.Cancelled, decidedReset, cancelledByShell)),
		"reset-prompt":             v.Prompt(story(approval.Delivered, reset, unopened)),
		"reset-report":             v.Report(story(approval.Delivered, reset, jobless), refusedPassword, allFacts),
		"reset-two":                v.Approval(story(approval.Pending, decidedReset, twoApprovers)),
		"credentials-replaced":     v.CredentialsCleared(story(approval.Delivered, replaced)),
		"credentials-cleared-fail": v.CredentialsCleared(story(approval.Failed)),
		"fault-reset-key":          v.CommandFault(&command.Fault{Kind: command.KindUnknownKey, Verb: command.Reset, Token: "mod"}),
		"fault-reset-nobody":       v.CommandFault(&command.Fault{Kind: command.KindMissingUsername, Verb: command.Reset}),
		"fault-reset-two":          v.CommandFault(&command.Fault{Kind: command.KindExtraWord, Verb: command.Reset, Token: "maria"}),
	}
	for name, kind := range map[string]approval.Kind{
		"no-account": approval.KindNoAccount, "unproven": approval.KindUnproven, "too-many-resets": approval.KindTooManyResets,
	} {
		all["refusal-"+name] = v.Refusal(&approval.Refusal{Kind: kind, Value: "isabel", Limit: 3, Story: approval.Story{Cluster: story(approval.Pending).Cluster}})
	}
	for _, state := range approval.States() {
		all["reset-approval-"+string(state)] = v.Approval(story(state, decidedReset))
		all["reset-status-"+string(state)] = v.Status(story(state, reset))
		all["reset-notice-"+string(state)] = v.Notice(story(state, reset))
	}
	for _, f := range resetFailures {
		all["reset-failed-"+string(f)] = v.Approval(story(approval.Failed, reset, failing(f, "modifyUser: ret_code 1400 (denied)")))
		all["reset-failed-"+string(f)+"-notice"] = v.Notice(story(approval.Failed, reset, failing(f, "")))
	}
	return all
}
