package view

import (
	"strconv"

	"ehpcbot/approval"
	"ehpcbot/bot/command"
)

// peopleShown is how many approvers are named; the others are counted.
const peopleShown = 10

// facts are the values that any phrase about a request may use.
func (v View) facts(s approval.Story) values {
	approvals := s.Approvals()
	denial, _ := s.Denial()
	return values{
		"id":         text(formatID(s.ID)),
		"state":      v.state(s.State).with(nil),
		"requester":  person(s.Requester),
		"username":   code(inline(s.Username, nameMaxLength)),
		"cluster":    text(cluster(s)),
		"required":   text(strconv.Itoa(s.Required)),
		"given":      text(strconv.Itoa(len(approvals))),
		"people":     v.people(approvals),
		"denier":     v.people([]string{denial.Person}),
		"created":    moment(s.CreatedAt),
		"updated":    moment(s.UpdatedAt),
		"until":      moment(s.ExpiresAt),
		"cleared":    moment(s.CredentialsUntil),
		"command":    text(v.Command),
		"other":      text(otherName(s.Username)),
		"again":      text(again(s, s.Username)),
		"againOther": text(again(s, otherName(s.Username))),
	}
}

// cluster names a cluster by what people call it, and by its id.
func cluster(s approval.Story) string {
	id := s.Cluster.ID
	if id == "" {
		id = s.ClusterID
	}
	id = inline(id, nameMaxLength)
	if name := inline(s.Cluster.Name, labelMaxLength); name != "" && name != id {
		return name + " (" + id + ")"
	}
	return id
}

func (v View) people(ids []string) []span {
	var all [][]span
	for i, id := range ids {
		if i == peopleShown {
			rest := strconv.Itoa(len(ids) - i)
			all = append(all, v.words().Request.MorePeople.with(values{"count": text(rest)}))
			break
		}
		if id != "" {
			all = append(all, person(id))
		}
	}
	if len(all) == 0 {
		return v.words().None.with(nil)
	}
	return join(all, v.words().Separator)
}

// otherName proposes a username that is like one that can't be had, and keeps the rule of 8 characters.
func otherName(username string) string {
	const room = 7
	if r := []rune(username); len(r) > room {
		username = string(r[:room])
	}
	return inline(username, nameMaxLength) + "2"
}

// again is the command that asks once more for the same, behind the command's name.
func again(s approval.Story, username string) string {
	return command.Command{
		Verb:     command.Ask,
		Username: inline(username, nameMaxLength),
		Cluster:  inline(s.ClusterID, nameMaxLength),
		Mod:      inline(s.Mod, nameMaxLength),
	}.String()
}

func (v View) state(s approval.State) phrase {
	w := v.words().States
	switch s {
	case approval.Pending:
		return w.Pending
	case approval.Approved:
		return w.Approved
	case approval.Provisioning:
		return w.Provisioning
	case approval.Provisioned:
		return w.Provisioned
	case approval.Delivered:
		return w.Delivered
	case approval.Denied:
		return w.Denied
	case approval.Expired:
		return w.Expired
	case approval.Cancelled:
		return w.Cancelled
	case approval.Failed:
		return w.Failed
	}
	return phrase(s)
}

func (v View) failure(f approval.Failure) failureWords {
	w := v.words().Failures
	switch f {
	case approval.FailureTaken:
		return w.Taken
	case approval.FailureRefused:
		return w.Refused
	case approval.FailureOperator:
		return w.Operator
	case approval.FailureJob:
		return w.Job
	case approval.FailureTimeout:
		return w.Timeout
	case approval.FailureCluster:
		return w.Cluster
	case approval.FailureKey:
		return w.Key
	}
	return w.Other
}

// permissions are the directory permissions of a request with what they mean.
func (v View) permissions(mod string) []span {
	if mod == "" {
		return v.words().Request.Default.with(nil)
	}
	return text(v.explainMod(mod))
}

// explainMod says what permissions mean, where they are among the usual ones.
func (v View) explainMod(mod string) string {
	w := v.words().Mods
	switch mod {
	case "700":
		return string(w.M700)
	case "750":
		return string(w.M750)
	case "755":
		return string(w.M755)
	case "770":
		return string(w.M770)
	}
	return inline(mod, nameMaxLength)
}
