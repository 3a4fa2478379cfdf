package approval

import "time"

// Rules are what holds for the requests of a cluster. Where POLICY_FILE sets them, a request keeps those of the moment at
// which it was asked for; else those of now hold.
type Rules struct {
	Channel     string        // where its requests are decided: a conversation, as the messenger names it
	Approvers   []string      // ids of people and of groups of people
	Required    int           // different approvers needed, at least 1
	AllowSelf   bool          // approvers may decide on their own requests
	Expiry      time.Duration // how long a request waits for its approval
	Reminder    time.Duration // after how long the approvers are reminded; 0: never
	Sponsored   bool          // who asks names a sponsor, who approves before the approvers decide
	Exempt      string        // a group of people whose requests need no approval; empty: none
	AllowedMods []string      // permissions that may be asked for; none: any three octal digits
	LoginHint   string        // how to log in, with {username} and {cluster} for the two; empty: nothing is shown
}
