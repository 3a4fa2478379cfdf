package view

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/bot/command"
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/secret"
)

// testPassword has every character that Slack might read as markup.
const testPassword = `*K7_~&<x>@h#e^r(!)%`

var testRules = approval.Rules{
	Channel: "C0APPROVE", Approvers: []string{"U0ADA", "S0HPC"}, LoginHint: "ssh {username}@{cluster}.example.org",
	AllowedMods: []string{"700", "750", "755", "770", "711"},
}

var testPolicy = approval.UsePolicy{URL: "https://hpc.example.org/policy", Version: "2026-10"}

func testView(l Locale) View {
	return View{Locale: l, Command: "/ehpc-adduser", Reader: "U0ISABEL"}
}

// other is the view of somebody else than the requester.
func other(v View) View {
	v.Reader = "U0ADA"
	return v
}

var monday = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)

// story is a request of isabel's in a state, as it looks after an ordinary life up to there.
func story(state approval.State, change ...func(*approval.Story)) approval.Story {
	s := approval.Story{
		Request: approval.Request{
			ID: 12, ClusterID: "ehpc-8jqdq0mz", Username: "isabel", Mod: "700", Reason: "thesis project\nuntil May",
			Requester: "U0ISABEL", State: state, Version: 1, Required: 1,
			CreatedAt: monday, UpdatedAt: monday, ExpiresAt: monday.Add(72 * time.Hour),
		},
		Cluster: approval.Cluster{ID: "ehpc-8jqdq0mz", Zone: "jn1a", Name: "Training"},
		Rules:   testRules, RemindAt: monday.Add(24 * time.Hour),
	}
	switch state {
	case approval.Pending, approval.Expired, approval.Cancelled:
	case approval.Denied:
		s.Decisions = decisions(approval.Deny, "U0DORA")
		s.Decisions[0].Reason = "Please name your supervisor."
	default:
		s.Decisions = decisions(approval.Approve, "U0ADA")
	}
	if state != approval.Pending {
		s.Version, s.UpdatedAt = 2, monday.Add(2*time.Hour)
	}
	if state == approval.Delivered {
		s.DeliveredAt, s.ShownAt, s.JobID = s.UpdatedAt, s.UpdatedAt, "j-2awn7xwq815"
	}
	if state == approval.Delivered || state == approval.Provisioned {
		s.CredentialsUntil = monday.Add(26 * time.Hour)
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

func decisions(verdict approval.Verdict, people ...string) []approval.Decision {
	var all []approval.Decision
	for i, p := range people {
		all = append(all, approval.Decision{Person: p, Verdict: verdict, At: monday.Add(time.Duration(i+1) * time.Hour)})
	}
	return all
}

func failing(f approval.Failure, detail string) func(*approval.Story) {
	return func(s *approval.Story) { s.Failure, s.FailureDetail = f, detail }
}

func twoApprovers(s *approval.Story) { s.Required = 2 }

func oneHasApproved(s *approval.Story) {
	s.Required, s.Decisions = 2, decisions(approval.Approve, "U0ADA")
}

func posted(s *approval.Story) {
	s.Messages = []approval.Message{{Purpose: approval.PurposeApproval, Place: "C0APPROVE", Ref: "1700000000.000100"}}
}

func reminded(s *approval.Story) {
	s.Messages = []approval.Message{{Purpose: approval.PurposeReminder, Place: "C0APPROVE", Ref: "1700000000.000200"}}
	s.RemindedAt = monday.Add(25 * time.Hour)
}

func untilMarch(s *approval.Story) { s.Until = "2027-03-31" }

func unseenThere(s *approval.Story) { s.Unseen = true }
func toDecide(s *approval.Story)    { s.Rules.Approvers = []string{"U0ADA", "S0STAFF"} }

func passedOn(s *approval.Story) {
	toDecide(s)
	s.Fallback = []string{"U0HEAD", "S0HEADS"}
}

func keepsRules(s *approval.Story) { s.Former = true }

func exempt(s *approval.Story) { s.Exempt, s.Required, s.Decisions = "S0STAFF", 0, nil }

func bare(s *approval.Story) { s.Mod, s.Reason, s.Cluster.Name = "", "", "" }

func noReason(s *approval.Story) { s.Decisions[0].Reason = "" }

func stays(s *approval.Story) { s.CredentialsUntil = time.Time{} }

func sharesUID(s *approval.Story) { s.UID, s.Twin = 10042, "nina" }

func unopened(s *approval.Story) { s.Sealed, s.ShownAt = []byte("sealed"), time.Time{} }

func works(s *approval.Story) { s.WorksAt = monday.Add(4 * time.Hour) }

func savedEarly(s *approval.Story) { s.ClearedAt = monday.Add(3 * time.Hour) }

var failures = []approval.Failure{
	approval.FailureTaken, approval.FailureUnclear, approval.FailureRefused, approval.FailureOperator, approval.FailureJob,
	approval.FailureTimeout, approval.FailureCluster, approval.FailureKey, approval.FailureDamaged, approval.FailureGone, approval.FailureUnreachable,
	approval.FailureNotAllowed, approval.FailureAbandoned, "unheard_of",
}

// messages are the messages of the golden files, by name.
func messages(v View) map[string]Message {
	all := map[string]Message{
		"approval-pending-bare":          v.Approval(story(approval.Pending, bare)),
		"approval-pending-two":           v.Approval(story(approval.Pending, twoApprovers)),
		"approval-pending-one-of-two":    v.Approval(story(approval.Pending, oneHasApproved)),
		"approval-denied-no-reason":      v.Approval(story(approval.Denied, noReason)),
		"approval-expired-one-of-two":    v.Approval(story(approval.Expired, oneHasApproved)),
		"approval-approved-waiting":      v.Approval(story(approval.Approved, failing(approval.WaitingAPI, "addUser: API quota used up"))),
		"approval-provisioned-waiting":   v.Approval(story(approval.Provisioned, failing(approval.WaitingDelivery, "post a message: user_disabled"))),
		"approval-hostile":               v.Approval(hostile(approval.Failed)),
		"alarm":                          v.Alarm(story(approval.Delivered, sharesUID)),
		"approval-delivered-same-uid":    v.Approval(story(approval.Delivered, sharesUID)),
		"reminder":                       v.Reminder(story(approval.Pending)),
		"reminder-linked":                v.Reminder(story(approval.Pending, posted)),
		"reminder-one-of-two":            v.Reminder(story(approval.Pending, oneHasApproved)),
		"digest":                         v.Digest(digest(many(7))),
		"digest-long":                    v.Digest(digest(many(42))),
		"several-done":                   v.SeveralDone(outcomes()),
		"several-none":                   v.NoneWaits(),
		"waiting-approval-passed-on":     v.Approval(story(approval.Pending, passedOn)),
		"waiting-status-passed-on":       v.Status(story(approval.Pending, passedOn)),
		"waiting-daily":                  v.DailyReminder(story(approval.Pending, toDecide)),
		"waiting-daily-passed-on":        v.DailyReminder(story(approval.Pending, oneHasApproved, passedOn)),
		"waiting-fallback":               v.AskFallback(story(approval.Pending, passedOn)),
		"waiting-turn-reminded":          v.Turn(story(approval.Pending, toDecide)),
		"waiting-turn-passed-on":         v.Turn(story(approval.Pending, passedOn)),
		"rules-approval-former":          v.Approval(story(approval.Pending, keepsRules)),
		"rules-status-former":            v.Status(story(approval.Pending, keepsRules)),
		"rules-asked-exempt":             v.Asked(story(approval.Approved, exempt)),
		"rules-approval-exempt":          v.Approval(story(approval.Provisioning, exempt)),
		"rules-approval-exempt-failed":   v.Approval(story(approval.Failed, exempt, failing(approval.FailureNotAllowed, string(approval.KindUnexempt)))),
		"rules-status-exempt":            v.Status(story(approval.Delivered, exempt)),
		"rules-notice-unexempt":          v.Notice(story(approval.Failed, exempt, failing(approval.FailureNotAllowed, string(approval.KindUnexempt)))),
		"asked":                          v.Asked(story(approval.Pending)),
		"asked-two":                      v.Asked(story(approval.Pending, twoApprovers)),
		"asked-unseen":                   v.Asked(story(approval.Pending, unseenThere)),
		"reminded":                       v.RemindDone(story(approval.Pending, reminded)),
		"nudge":                          v.Nudge(story(approval.Pending, reminded, posted)),
		"approval-pending-until":         v.Approval(story(approval.Pending, untilMarch)),
		"status-pending-until":           v.Status(story(approval.Pending, untilMarch, reminded)),
		"list-next":                      v.List([]approval.Story{story(approval.Pending, reminded), story(approval.Approved, failing(approval.WaitingAPI, "")), story(approval.Delivered, savedEarly)}),
		"already-pending":                v.alreadyAsked(story(approval.Pending)),
		"already-waiting":                v.alreadyAsked(story(approval.Approved, failing(approval.WaitingAPI, ""))),
		"cancelled":                      v.CancelDone(story(approval.Cancelled)),
		"list-empty":                     v.List(nil),
		"list":                           v.List(everyState()),
		"list-long":                      v.List(many(23)),
		"credentials-ready":              v.CredentialsReady(story(approval.Provisioned)),
		"credentials":                    v.Credentials(story(approval.Provisioned), secret.New(testPassword)),
		"credentials-stay":               v.Credentials(story(approval.Provisioned, stays), secret.New(testPassword)),
		"credentials-offer":              v.CredentialsOffer(story(approval.Provisioned)),
		"credentials-offer-stays":        v.CredentialsOffer(story(approval.Provisioned, stays)),
		"credentials-cleared-saved":      v.CredentialsCleared(story(approval.Delivered, savedEarly)),
		"credentials-cleared-time":       v.CredentialsCleared(story(approval.Delivered)),
		"credentials-cleared-works":      v.CredentialsCleared(story(approval.Delivered, savedEarly, works)),
		"credentials-offer-works":        v.CredentialsOffer(story(approval.Delivered, works)),
		"approval-delivered-unopened":    v.Approval(story(approval.Delivered, unopened)),
		"approval-delivered-works":       v.Approval(story(approval.Delivered, works)),
		"prompt":                         v.Prompt(story(approval.Delivered, unopened)),
		"unopened":                       v.Unopened(story(approval.Delivered, unopened)),
		"show-failed":                    v.ShowFailed(),
		"reported":                       v.Reported(story(approval.Delivered)),
		"report":                         v.Report(story(approval.Delivered), refusedPassword, allFacts),
		"report-unknown":                 v.Report(story(approval.Delivered, unopened, jobless), approval.Trouble{Number: 2, Sees: approval.SeesOther}, approval.Facts{}),
		"report-hostile":                 v.Report(hostile(approval.Delivered), hostileTrouble, hostileFacts),
		"credentials-without-login-hint": v.Credentials(story(approval.Provisioned, func(s *approval.Story) { s.Rules.LoginHint = "" }), secret.New(testPassword)),
		"notice-expired-one-of-two":      v.Notice(story(approval.Expired, oneHasApproved)),
		"notice-denied-no-reason":        v.Notice(story(approval.Denied, noReason)),
		"status-expired-one-of-two":      v.Status(story(approval.Expired, oneHasApproved)),
		"status-failed-job":              v.Status(story(approval.Failed, failing(approval.FailureJob, ""))),
		"status-failed-for-approver":     other(v).Status(story(approval.Failed, failing(approval.FailureJob, ""))),
		"status-pending-for-approver":    other(v).Status(story(approval.Pending)),
		"status-one-of-two":              v.Status(story(approval.Pending, oneHasApproved)),
		"help":                           v.Help(),
		"trouble":                        v.Trouble(),
		"busy":                           v.Busy(),
		"too-much":                       v.TooMuch(5100 * time.Millisecond),
		"too-many-forms":                 v.TooManyForms(),
		"untold":                         v.Untold(),
		"foreign":                        v.Foreign(),
		"storage-failed":                 v.StorageFailed(),
		"form-failed":                    v.FormFailed(),
	}
	for _, state := range approval.States() {
		all["approval-"+string(state)] = v.Approval(story(state))
		all["status-"+string(state)] = v.Status(story(state))
		all["notice-"+string(state)] = v.Notice(story(state))
	}
	for _, f := range failures {
		all["approval-failed-"+string(f)] = v.Approval(story(approval.Failed, failing(f, "ret_code 1400: the cluster is busy")))
		all["notice-failed-"+string(f)] = v.Notice(story(approval.Failed, failing(f, "ret_code 1400: the cluster is busy")))
	}
	for name, r := range refusals() {
		all["refusal-"+name] = v.Refusal(r)
	}
	for name, f := range faults() {
		all["fault-"+name] = v.CommandFault(f)
	}
	maps.Copy(all, resetMessages(v))
	maps.Copy(all, questionMessages(v))
	maps.Copy(all, changeMessages(v))
	maps.Copy(all, cardMessages(v))
	maps.Copy(all, sponsorMessages(v))
	return all
}

// digest is one of requests that wait, at some time later.
func digest(waiting []approval.Story) approval.Digest {
	for i := range waiting {
		waiting[i].State, waiting[i].Decisions = approval.Pending, nil
		waiting[i].CreatedAt = monday.Add(time.Duration(i) * 9 * time.Hour)
		waiting[i].Nonce = "a nonce"
		posted(&waiting[i])
	}
	return approval.Digest{Waiting: waiting, Count: len(waiting), Now: monday.Add(62 * time.Hour)}
}

// outcomes are one of each kind that there is, and a second that was approved.
func outcomes() []Outcome {
	all := []Outcome{
		{ID: 1, Story: story(approval.Approved)}, {ID: 2, Story: story(approval.Approved)}, {ID: 3, Story: story(approval.Denied)},
		{ID: 4, Story: story(approval.Pending, oneHasApproved)}, {ID: 5, Failed: true}, {ID: 6, Refusal: &approval.Refusal{Kind: "unheard_of"}},
	}
	for i, kind := range slices.Sorted(maps.Keys(english.Several.NotDone)) {
		all = append(all, Outcome{ID: int64(10 + i), Refusal: &approval.Refusal{Kind: kind}})
	}
	return all
}

func modals(v View) map[string]slack.ModalViewRequest {
	conf := approval.Config{
		Clusters: []approval.Cluster{{ID: "ehpc-8jqdq0mz", Zone: "jn1a"}, {ID: "ehpc-x", Zone: "jn1a", Name: "Training"}},
		Rules:    testRules,
	}
	withPolicy := conf
	withPolicy.Use = testPolicy
	one := approval.Config{Clusters: conf.Clusters[:1]}
	filled := approval.Ask{Username: "isabel", Cluster: "training", Mod: "750", Reason: "thesis project", Until: "2027-03-31"}
	all := map[string]slack.ModalViewRequest{
		"form-ask":               v.AskForm(conf, approval.Ask{}),
		"form-several-reset":     v.SeveralForm(numbered(story(approval.Pending), story(approval.Pending, decidedReset)), monday.Add(50*time.Hour)),
		"form-several":           v.SeveralForm(digest(many(12)).Waiting, monday.Add(50*time.Hour)),
		"form-ask-filled":        v.AskForm(conf, filled),
		"form-ask-one-cluster":   v.AskForm(one, approval.Ask{Mod: "711"}),
		"form-ask-many-clusters": v.AskForm(approval.Config{Clusters: make([]approval.Cluster, 101)}, filled),
		"form-ask-policy":        v.AskForm(withPolicy, approval.Ask{Username: "isabel"}),
		"form-trouble":           v.TroubleForm(story(approval.Delivered)),
		"form-deny":              v.DenyForm(story(approval.Pending)),
		"modal-asked":            v.NoticeModal(v.Asked(story(approval.Pending))),
		"modal-notice":           v.NoticeModal(v.Approval(story(approval.Pending))),
		"modal-credentials":      v.CredentialsModal(story(approval.Provisioned), secret.New(testPassword)),
	}
	maps.Copy(all, questionModals(v))
	maps.Copy(all, sponsorModals(v))
	all["form-change"] = v.ChangeForm(story(approval.Pending))
	return all
}

func jobless(s *approval.Story) { s.JobID = "" }

var (
	refusedPassword = approval.Trouble{Number: 1, Sees: approval.SeesRefusal, Words: "Permission denied, please try again."}
	allFacts        = approval.Facts{Status: "active", Logins: []string{"203.0.113.7", "192.168.0.2"}, LoginsKnown: true, Listed: true, ListedKnown: true}

	hostileTrouble = approval.Trouble{Number: 3, Sees: "<!here>", Words: "<!channel> *bold* `code` & <https://example.org|here>"}
	hostileFacts   = approval.Facts{Status: "<!channel> *active*", LoginsKnown: true, ListedKnown: true}
)

func everyState() []approval.Story {
	var all []approval.Story
	for _, state := range approval.States() {
		all = append(all, story(state))
	}
	return all
}

func many(n int) []approval.Story {
	all := make([]approval.Story, n)
	for i := range all {
		all[i] = story(approval.Delivered, func(s *approval.Story) { s.ID = int64(n - i) })
	}
	return all
}

// hostile is a request in which everything that people can type tries to be more than text.
func hostile(state approval.State) approval.Story {
	const typed = "<!channel> <@U0ADA> *bold* `code` :bomb: & <https://example.org|here> {id} **x** \u202eevil\x00"
	return story(state, func(s *approval.Story) {
		s.Username, s.Mod, s.Reason, s.Cluster.Name, s.FailureDetail = typed, typed, typed+"\r\n\r\n\r\n\r\n"+typed, typed, typed
		s.Requester = "<!here>"
		s.Decisions = append(decisions(approval.Approve, "<!everyone>", "U0ADA"), decisions(approval.Deny, "U0DORA")...)
		s.Decisions[2].Reason = typed
	})
}

func refusals() map[string]*approval.Refusal {
	rule := func(r ehpc.Rule, c rune) *ehpc.RuleError {
		return &ehpc.RuleError{Subject: ehpc.SubjectUsername, Rule: r, Rune: c}
	}
	others := story(approval.Pending, func(s *approval.Story) { s.Requester = "U0MARIA" })
	all := map[string]*approval.Refusal{
		"username-empty":     {Kind: approval.KindUsername, Rule: rule(ehpc.RuleEmpty, 0)},
		"username-too-long":  {Kind: approval.KindUsername, Value: "isabel_the_first", Rule: rule(ehpc.RuleTooLong, 0)},
		"username-character": {Kind: approval.KindUsername, Value: "isabél", Rule: rule(ehpc.RuleCharacter, 'é')},
		"username-space":     {Kind: approval.KindUsername, Value: "isa bel", Rule: rule(ehpc.RuleCharacter, ' ')},
		"username-other":     {Kind: approval.KindUsername, Value: "isabel"},
		"reserved":           {Kind: approval.KindReserved, Value: "root"},
		"cluster":            {Kind: approval.KindCluster, Value: "ehpc-y", Right: []string{"ehpc-8jqdq0mz", "ehpc-x"}},
		"taken":              {Kind: approval.KindTaken, Value: "isabel", Free: "isabel3"},
		"reserved-free":      {Kind: approval.KindReserved, Value: "root", Free: "root2"},
		"until":              {Kind: approval.KindUntil, Value: "2026-11-23", Limit: 5},
		"policy":             {Kind: approval.KindPolicy},
		"reminded":           {Kind: approval.KindReminded, Story: story(approval.Pending, reminded)},
		"mod":                {Kind: approval.KindMod, Value: "777", Right: []string{"700", "750", "755"}},
		"mod-any":            {Kind: approval.KindMod, Value: "rwx", Rule: &ehpc.RuleError{Subject: ehpc.SubjectMod, Rule: ehpc.RuleForm}},
		"reason-too-long":    {Kind: approval.KindReasonTooLong, Limit: 500},
		"active-own":         {Kind: approval.KindActive, Story: story(approval.Pending)},
		"active-other":       {Kind: approval.KindActive, Story: others},
		"too-many":           {Kind: approval.KindTooMany, Limit: 5},
		"too-many-one":       {Kind: approval.KindTooMany, Limit: 1},
		"unknown":            {Kind: approval.KindUnknown, Value: "12"},
		"not-yours":          {Kind: approval.KindNotYours, Value: "12"},
		"not-approver":       {Kind: approval.KindNotApprover, Value: "U0ISABEL"},
		"self":               {Kind: approval.KindSelf, Story: story(approval.Pending)},
		"voted-approve":      {Kind: approval.KindVoted, Story: story(approval.Pending, oneHasApproved)},
		"voted-deny":         {Kind: approval.KindVoted, Story: story(approval.Denied, func(s *approval.Story) { s.Decisions[0].Person = "U0ISABEL" })},
		"no-retry":           {Kind: approval.KindNoRetry, Story: story(approval.Delivered)},
		"no-answer":          {Kind: approval.KindNoAnswer, Value: "U0ISABEL"},
		"gone":               {Kind: approval.KindGone, Story: story(approval.Pending)},
		"untold":             {Kind: approval.KindUntold, Story: story(approval.Pending)},
		"not-allowed": {Kind: approval.KindNotAllowed, Story: story(approval.Pending),
			Why: &approval.Refusal{Kind: approval.KindReserved, Value: "isabel"}},
		"over":                {Kind: approval.KindOver, Story: story(approval.Delivered)},
		"no-key":              {Kind: approval.KindNoKey, Story: story(approval.Delivered)},
		"damaged":             {Kind: approval.KindDamaged, Story: story(approval.Delivered)},
		"unopened":            {Kind: approval.KindUnopened, Story: story(approval.Delivered, unopened)},
		"too-often":           {Kind: approval.KindTooOften, Limit: 3, Story: story(approval.Delivered)},
		"typed-password":      {Kind: approval.KindTypedPassword},
		"not-stuck":           {Kind: approval.KindNotStuck, Story: story(approval.Pending)},
		"of-an-unknown-kind":  {Kind: "unheard_of"},
		"cluster-among-many":  {Kind: approval.KindCluster, Value: "y", Right: strings.Fields("a b c d e f g h i j k l m")},
		"username-joiner":     {Kind: approval.KindUsername, Value: "a\u200db", Rule: rule(ehpc.RuleCharacter, '\u200d')},
		"username-filler":     {Kind: approval.KindUsername, Value: "a\u3164b", Rule: rule(ehpc.RuleCharacter, '\u3164')},
		"username-unreadable": {Kind: approval.KindUsername, Value: "a\u202eb", Rule: rule(ehpc.RuleCharacter, '\u202e')},
	}
	for _, state := range approval.States() {
		all["decided-"+string(state)] = &approval.Refusal{Kind: approval.KindDecided, Story: story(state)}
	}
	return all
}

func faults() map[string]*command.Fault {
	all := map[string]*command.Fault{
		"extra-word-status":  {Kind: command.KindExtraWord, Verb: command.Status, Token: "13"},
		"extra-word-list":    {Kind: command.KindExtraWord, Verb: command.List, Token: "mod=700"},
		"of-unknown-kind":    {Kind: "unheard_of", Verb: command.Ask},
		"missing-id-cancel":  {Kind: command.KindMissingID, Verb: command.Cancel},
		"missing-id-abandon": {Kind: command.KindMissingID, Verb: command.Abandon},
	}
	for _, k := range command.Kinds() {
		f := &command.Fault{Kind: k, Verb: command.Ask, Token: "zone"}
		switch k {
		case command.KindMissingID, command.KindBadID:
			f.Verb = command.Status
		case command.KindUnclosedQuote:
			f.Token = "“thesis project"
		case command.KindDuplicateKey:
			f.Token = "mod"
		case command.KindEmptyValue:
			f.Token = "reason"
		}
		all[strings.ReplaceAll(string(k), "_", "-")] = f
	}
	for _, key := range command.Keys() {
		all["empty-"+key] = &command.Fault{Kind: command.KindEmptyValue, Verb: command.Ask, Token: key}
	}
	return all
}
