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
		"command":    text(v.Command),
		"id":         text(formatID(s.ID)),
		"state":      v.words().States[s.State].fill(nil),
		"requester":  mention(s.Requester),
		"username":   code(oneLine(s.Username, nameMaxLength)),
		"cluster":    text(clusterLabel(s)),
		"mod":        text(v.modLabel(s.Mod)),
		"required":   text(strconv.Itoa(s.Required)),
		"given":      text(strconv.Itoa(len(approvals))),
		"people":     v.people(approvals),
		"denier":     v.people([]string{denial.Person}),
		"created":    date(s.CreatedAt),
		"updated":    date(s.UpdatedAt),
		"until":      date(s.ExpiresAt),
		"cleared":    date(s.CredentialsUntil),
		"other":      text(otherUsername(s.Username)),
		"again":      text(again(s, s.Username)),
		"againOther": text(again(s, otherUsername(s.Username))),
	}
	f["why"] = v.failure(s.Failure).Why.fill(f)
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
		return string(v.words().Request.DefaultMod)
	}
	return cmp.Or(string(v.words().Mods[mod]), oneLine(mod, nameMaxLength))
}

func (v View) people(ids []string) richText {
	var all []richText
	for i, id := range ids {
		if i == mentionsMax {
			all = append(all, v.words().Request.MorePeople.fill(fields{"count": text(strconv.Itoa(len(ids) - i))}))
			break
		}
		if id != "" {
			all = append(all, mention(id))
		}
	}
	if len(all) == 0 {
		return v.words().None.fill(nil)
	}
	return join(all, string(v.words().Separator))
}

// otherUsername proposes a username like one that can't be had, within the 8 characters of the rule.
func otherUsername(username string) string {
	r := []rune(username)
	return oneLine(string(r[:min(len(r), 7)]), nameMaxLength) + "2"
}

// again is the command that asks for the same once more, without the command's name.
func again(s approval.Story, username string) string {
	return command.Command{
		Verb:     command.Ask,
		Username: oneLine(username, nameMaxLength),
		Cluster:  oneLine(s.ClusterID, nameMaxLength),
		Mod:      oneLine(s.Mod, nameMaxLength),
	}.String()
}

func (v View) failure(f approval.Failure) failureTexts {
	if texts, known := v.words().Failures[f]; known {
		return texts
	}
	return v.words().OtherFailure
}
