package approval

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAsked tells what was asked for in a line, and finds in it what differs.
func TestAsked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		asked Request
		line  string
	}{
		{Request{Username: "isabel", ClusterID: "ehpc-x", Required: 1}, `username=isabel cluster=ehpc-x approvals=1`},
		{Request{Username: "isabel", ClusterID: "ehpc-x", Mod: "700", Required: 2, Reason: "thesis"}, `username=isabel cluster=ehpc-x mod=700 approvals=2 reason=thesis`},
		{Request{Username: "isabel", ClusterID: "ehpc-x", Required: 1, Reason: `a "b" \ c=d` + "\n"}, `username=isabel cluster=ehpc-x approvals=1 reason="a \"b\" \\ c=d` + "\n\""},
		{Request{Username: "isabel", ClusterID: "ehpc-x", Required: 1, Reason: "论文\x00\xff"}, "username=isabel cluster=ehpc-x approvals=1 reason=\"论文\uFFFD\""},
		{Request{Username: "isabel", ClusterID: "ehpc-x", Required: 1, Until: "2027-03-31", Policy: "2026-10"}, `username=isabel cluster=ehpc-x approvals=1 until=2027-03-31 policy=2026-10`},
		{Request{Username: "isabel mod=700", ClusterID: "集群", Required: 1}, `username="isabel mod=700" cluster="集群" approvals=1`},
	} {
		require.Equal(t, c.line, AskedFor(c.asked).String())
		require.Empty(t, AskedFor(c.asked).Differs(c.line))
		for name, change := range map[string]func(*Request){
			"username":  func(r *Request) { r.Username += "0" },
			"cluster":   func(r *Request) { r.ClusterID = "ehpc" },
			"mod":       func(r *Request) { r.Mod += "7" },
			"approvals": func(r *Request) { r.Required += 10 },
			"until":     func(r *Request) { r.Until += "1" },
			"policy":    func(r *Request) { r.Policy += "1" },
			"reason":    func(r *Request) { r.Reason += " " },
		} {
			changed := c.asked
			change(&changed)
			require.Equal(t, name, AskedFor(changed).Differs(c.line), c.line)
		}
	}
	whole := AskedFor(Request{Username: "isabel", ClusterID: "ehpc-x", Required: 1})
	require.Equal(t, "reason", whole.Differs(whole.String()+" more"))
}
