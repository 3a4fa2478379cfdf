package view

// rulesTexts are those of what holds for a request by the rules of its cluster.
type rulesTexts struct {
	Former phrase // it keeps rules that have changed since
	Begins phrase // answers who needs no approval
	Exempt phrase // {exempt}: the group to which the requester belongs
}
