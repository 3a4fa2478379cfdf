package slacktest

import (
	"cmp"
	"slices"
	"strings"
)

// User is a person or a bot. Name is the short one; RealName, Locale, TZ and TeamID have defaults: the name,
// en-US, Etc/UTC and the workspace.
type User struct {
	ID, Name, RealName, Locale, TZ, TeamID string
	Email                                  string // told to apps with the scope users:read.email
	Title, Photo                           string // what the person does, and the address of a picture

	Teams           []string // in Enterprise Grid: the workspaces of the person
	OrgID           string   // in Enterprise Grid: the other id of the person (W…), by which users.info knows them as well
	Bot             bool
	Deleted         bool // deactivated
	Restricted      bool // guest
	UltraRestricted bool // guest of a single channel
	Stranger        bool // of another organisation, met in a shared channel only
}

type userGroup struct {
	id, handle string
	members    []string
}

// AddUser adds a person, or changes the one with this id.
func (s *Server) AddUser(u User) {
	u.RealName = cmp.Or(u.RealName, u.Name)
	u.Locale = cmp.Or(u.Locale, "en-US")
	u.TZ = cmp.Or(u.TZ, "Etc/UTC")
	u.TeamID = cmp.Or(u.TeamID, s.teamID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.users[u.ID]; !known {
		s.order = append(s.order, u.ID)
	}
	s.users[u.ID] = u
	if u.OrgID != "" {
		s.users[u.OrgID] = u
	}
	s.change()
}

// AddUserGroup adds a group of people, such as S0ADMINS with the handle admins.
func (s *Server) AddUserGroup(id, handle string, members ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups = append(s.groups, &userGroup{id, handle, slices.Clone(members)})
	s.change()
}

// SetUserGroup replaces a group's members; an unknown group is added.
func (s *Server) SetUserGroup(id string, members ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.group(id); g != nil {
		g.members = slices.Clone(members)
	} else {
		s.groups = append(s.groups, &userGroup{id, strings.ToLower(id), slices.Clone(members)})
	}
	s.change()
}

// SetFreePlan says whether the workspace is on a plan without user groups: then their methods answer
// plan_upgrade_required.
func (s *Server) SetFreePlan(free bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = free
}

func (s *Server) group(id string) *userGroup {
	for _, g := range s.groups {
		if g.id == id {
			return g
		}
	}
	return nil
}

// user returns a person; one whom nobody added has an id and a team only, and Slack's methods don't know them.
func (s *Server) user(id string) User {
	if u, known := s.users[id]; known {
		return u
	}
	return User{ID: id, TeamID: s.teamID}
}

func (s *Server) userInfo(a args) answer {
	if !a.has("user") {
		return missing("user")
	}
	u, known := s.users[a.Get("user")]
	if !known {
		return fail("user_not_found")
	}
	return success(object{"user": s.userObject(u, a.flag("include_locale"))})
}

func (s *Server) listUsers(a args) answer {
	members := []object{}
	for _, id := range s.order {
		members = append(members, s.userObject(s.users[id], a.flag("include_locale")))
	}
	return success(object{"members": members, "response_metadata": object{"next_cursor": ""}})
}

// userObject follows docs.slack.dev/reference/objects/user-object.
func (s *Server) userObject(u User, locale bool) object {
	profile := object{"real_name": u.RealName, "display_name": u.Name, "team": u.TeamID, "title": u.Title, "image_72": u.Photo}
	if u.Email != "" && slices.Contains(s.scopes, "users:read.email") {
		profile["email"] = u.Email
	}
	o := object{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "deleted": u.Deleted, "real_name": u.RealName,
		"tz": u.TZ, "tz_label": u.TZ, "tz_offset": 0, "color": "9f69e7", "updated": 0,
		"is_bot": u.Bot, "is_app_user": false, "is_admin": false, "is_owner": false, "is_primary_owner": false,
		"is_restricted": u.Restricted || u.UltraRestricted, "is_ultra_restricted": u.UltraRestricted,
		"profile": profile,
	}
	if u.Stranger {
		o["is_stranger"] = true
	}
	if len(u.Teams) > 0 {
		o["enterprise_user"] = object{"id": cmp.Or(u.OrgID, u.ID), "enterprise_id": "E0GRID", "enterprise_name": "Grid", "is_admin": false, "is_owner": false, "teams": u.Teams}
	}
	if locale {
		o["locale"] = u.Locale
	}
	return o
}

func (s *Server) listUserGroups(a args) answer {
	if s.free {
		return fail("plan_upgrade_required")
	}
	groups := []object{}
	for _, g := range s.groups {
		o := object{"id": g.id, "team_id": s.teamID, "is_usergroup": true, "name": g.handle, "handle": g.handle, "date_delete": 0}
		if a.flag("include_count") {
			o["user_count"] = len(g.members)
		}
		if a.flag("include_users") {
			o["users"] = append([]string{}, g.members...)
		}
		groups = append(groups, o)
	}
	return success(object{"usergroups": groups})
}

func (s *Server) listUserGroupUsers(a args) answer {
	if s.free {
		return fail("plan_upgrade_required")
	}
	if !a.has("usergroup") {
		return missing("usergroup")
	}
	g := s.group(a.Get("usergroup"))
	if g == nil {
		return fail("no_such_subteam")
	}
	members := []string{}
	for _, id := range g.members {
		if u := s.users[id]; a.flag("include_disabled") || !u.Deleted {
			members = append(members, id)
		}
	}
	return success(object{"users": members})
}
