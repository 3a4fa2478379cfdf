package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"ehpcbot/approval"
	"ehpcbot/bot/slackapi"
)

// approvers asks about all approvers: those of the variables, and those of each cluster that has its own.
func (c *checker) approvers(ctx context.Context) (findings []Finding) {
	asked := map[string]bool{}
	for _, rules := range c.conf.Policy.Each() {
		which := fmt.Sprint(rules.Approvers, rules.Required)
		if asked[which] {
			continue
		}
		asked[which] = true
		variable, number := "APPROVERS", "APPROVALS_REQUIRED"
		if which != fmt.Sprint(c.conf.Policy.Approvers, c.conf.Policy.Required) {
			variable, number = policyFile, policyFile
		}
		findings = append(findings, c.enough(ctx, rules, variable, number)...)
	}
	return append(findings, c.exempt(ctx)...)
}

// exempt asks about the groups whose members need no approval.
func (c *checker) exempt(ctx context.Context) []Finding {
	var groups []string
	for _, rules := range c.conf.Policy.Each() {
		if rules.Exempt != "" && !slices.Contains(groups, rules.Exempt) {
			groups = append(groups, rules.Exempt)
		}
	}
	_, findings := c.people(ctx, policyFile, groups)
	return findings
}

// enough asks about the approvers of a cluster, and counts the people among them.
func (c *checker) enough(ctx context.Context, rules approval.Rules, variable, number string) []Finding {
	people, findings := c.people(ctx, variable, rules.Approvers)
	known := !slices.ContainsFunc(findings, func(f Finding) bool { return f.Status != OK })
	if n, need := different(people), rules.Required; len(findings) > 0 && known && n < need {
		findings = append(findings, Finding{number, Fault, fmt.Sprintf("%d approvers are needed, and there are %d", need, n),
			"name more people in " + variable + ", or lower the number that is needed"})
	}
	return findings
}

// fallback asks about those who may decide in the second half of the time.
func (c *checker) fallback(ctx context.Context) []Finding {
	_, findings := c.people(ctx, "APPROVERS_FALLBACK", c.conf.Policy.Fallback)
	return findings
}

// administrators asks about all administrators.
func (c *checker) administrators(ctx context.Context) []Finding {
	_, findings := c.people(ctx, "ADMINISTRATORS", c.conf.Policy.Administrators)
	return findings
}

// people asks side by side about all whom a variable lists.
func (c *checker) people(ctx context.Context, variable string, ids []string) (people []approval.Person, findings []Finding) {
	self, err := c.self()
	if err != nil {
		return nil, nil
	}
	found := make([][]approval.Person, len(ids))
	var questions []question
	for i, id := range ids {
		questions = append(questions, func(ctx context.Context) []Finding {
			ctx, cancel := limited(ctx)
			defer cancel()
			var f Finding
			if strings.HasPrefix(id, "S") {
				found[i], f = c.group(ctx, variable+" "+id, id)
			} else {
				found[i], f = c.person(ctx, variable+" "+id, id, self.TeamID)
			}
			return []Finding{f}
		})
	}
	all(ctx, questions, func(f Finding) { findings = append(findings, f) })
	return slices.Concat(found...), findings
}

// different counts people, each once, whichever ids they go by.
func different(people []approval.Person) int {
	var seen []approval.Person
	for _, p := range people {
		if !slices.ContainsFunc(seen, func(s approval.Person) bool { return s.Is(p.ID) || s.Is(p.Also) }) {
			seen = append(seen, p)
		}
	}
	return len(seen)
}

func (c *checker) group(ctx context.Context, name, id string) (people []approval.Person, f Finding) {
	members, err := c.api.GetUserGroupMembersContext(ctx, id)
	switch {
	case err == nil && len(members) == 0:
		return nil, Finding{name, Fault, "the user group has no members", "add members to the group"}
	case err == nil:
		for _, m := range members {
			people = append(people, approval.Person{ID: m, Also: m})
		}
		return people, ok(name, fmt.Sprintf("a user group of %d", len(members)))
	}
	advice := map[string]string{
		"plan_upgrade_required": "user groups need a paid plan: list the people by their user ids (U…)",
		"no_such_subteam":       "look at the group's id: in Slack, People & user groups, the group, Copy group ID",
		"subteam_not_found":     "look at the group's id: in Slack, People & user groups, the group, Copy group ID",
	}[slackapi.Code(err)]
	return nil, fault(name, err, slackURL, advice)
}

func (c *checker) person(ctx context.Context, name, id, team string) (people []approval.Person, f Finding) {
	const advice = "look at the id: in Slack, the person's profile, ⋮, Copy member ID"
	wrong := ""
	user, err := c.api.GetUserInfoContext(ctx, id)
	switch {
	case slackapi.Code(err) == "user_not_found", slackapi.Code(err) == "user_not_visible":
		return nil, fault(name, err, slackURL, advice)
	case err != nil:
		return nil, fault(name, err, slackURL, "")
	case user.Deleted:
		wrong = "the person is deactivated"
	case user.IsBot:
		wrong = "this is a bot"
	case user.IsStranger, user.TeamID != "" && !slackapi.IsOurs(*user, user.TeamID, team):
		wrong = "this is a person of another organisation"
	}
	if wrong != "" {
		return nil, Finding{name, Fault, wrong, advice}
	}
	return []approval.Person{slackapi.Identity(id, *user)}, ok(name, cmp.Or(user.RealName, user.Name))
}
