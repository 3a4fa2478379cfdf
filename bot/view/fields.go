package view

import (
	"cmp"
	"strconv"

	"ehpcbot/approval"
	"ehpcbot/bot/command"
)

// mentionsMax is how many approvers are named; the others are counted.
const mentionsMax = 10

// fields are those that any phrase may use. Where a message is about no request, only {command} is of use.
func (v View) fields(s approval.Story) fields {
	approvals := s.Approvals()
	denial, _ := s.Denial()
	f := fields{
		"command":          text(v.Command),
		"channel":          channelLink(s.Rules.Channel),
		"id":               text(formatID(s.ID)),
		"state":            v.textsOf(s.Request).States[s.State].fill(nil),
		"requester":        mention(s.Requester),
		"username":         code(oneLine(s.Username, nameMaxLength)),
		"cluster":          text(clusterLabel(s)),
		"mod":              text(v.modLabel(s.Mod)),
		"required":         text(strconv.Itoa(s.Required)),
		"approved":         text(strconv.Itoa(len(approvals))),
		"approvers":        v.people(approvals),
		"fallback":         v.people(s.Fallback),
		"deciders":         v.deciders(s),
		"exempt":           v.people([]string{s.Exempt}),
		"denier":           v.people([]string{denial.Person}),
		"created":          date(s.CreatedAt),
		"updated":          date(s.UpdatedAt),
		"deadline":         date(s.ExpiresAt),
		"until":            text(oneLine(s.Until, nameMaxLength)),
		"remindAt":         date(s.RemindAt),
		"reminded":         date(s.RemindedAt),
		"sponsor":          v.people([]string{s.Sponsor}),
		"sponsoredAt":      date(s.SponsoredAt),
		"remindAgain":      date(s.RemindedAt.Add(approval.RemindEvery)),
		"timeLeft":         timeLeft(s.ExpiresAt),
		"uid":              text(strconv.FormatInt(s.UID, 10)),
		"twin":             code(oneLine(s.Twin, nameMaxLength)),
		"credentialsUntil": date(s.CredentialsUntil),
		"otherUsername":    text(otherUsername(s.Username)),
		"askAgain":         text(askFor(s, s.Username)),
		"askOther":         text(askFor(s, otherUsername(s.Username))),
		"newPassword":      text(resetOf(s)),
	}
	f["why"] = v.textsOf(s.Request).failure(s.Failure).Why.fill(f)
	return f
}

// clusterLabel names a cluster by what people call it, and by its id.
func clusterLabel(s approval.Story) string {
	id := oneLine(cmp.Or(s.Cluster.ID, s.ClusterID), nameMaxLength)
	if name := oneLine(s.Cluster.Name, clusterNameMaxLength); name != "" && name != id {
		return name + " (" + id + ")"
	}
	return id
}

// modLabel says what directory permissions mean, where they are among the usual ones.
func (v View) modLabel(mod string) string {
	if mod == "" {
		return string(v.texts().Request.DefaultMod)
	}
	return cmp.Or(string(v.texts().Mods[mod]), oneLine(mod, nameMaxLength))
}

func (v View) people(ids []string) richText {
	var all []richText
	for _, id := range ids[:min(len(ids), mentionsMax)] {
		if id != "" {
			all = append(all, v.person(id))
		}
	}
	if more := len(ids) - mentionsMax; more > 0 {
		all = append(all, v.texts().Request.MorePeople.fill(fields{"count": text(strconv.Itoa(more))}))
	}
	if len(all) == 0 {
		return v.texts().None.fill(nil)
	}
	return join(all, string(v.texts().Separator))
}

// otherUsername proposes a username like one that can't be had, within the 8 characters of the rule.
func otherUsername(username string) string {
	r := []rune(username)
	return oneLine(string(r[:min(len(r), 7)]), nameMaxLength) + "2"
}

// askFor is what to type behind the command to ask for the same once more.
func askFor(s approval.Story, username string) string {
	verb := command.Ask
	if s.Reset {
		verb = command.Reset
	}
	return command.Command{
		Verb:     verb,
		Username: oneLine(username, nameMaxLength),
		Cluster:  oneLine(s.ClusterID, nameMaxLength),
		Mod:      oneLine(s.Mod, nameMaxLength),
		Until:    oneLine(s.Until, nameMaxLength),
	}.String()
}

// resetOf is what to type behind the command to get a new password for the account.
func resetOf(s approval.Story) string {
	return command.Command{
		Verb:     command.Reset,
		Username: oneLine(s.Username, nameMaxLength),
		Cluster:  oneLine(s.ClusterID, nameMaxLength),
	}.String()
}

func (c *catalogue) failure(f approval.Failure) failureTexts {
	if texts, known := c.Failures[f]; known {
		return texts
	}
	return c.OtherFailure
}
