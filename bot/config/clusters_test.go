package config_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sethvargo/go-envconfig"

	"ehpcbot/bot/config"
)

// FuzzClusters: what is accepted can be told apart by everything that people may call it, fits into a form,
// and reads the same when it is written out again.
func FuzzClusters(f *testing.F) {
	for _, seed := range []string{
		"ehpc-8jqdq0mz@jn1a", "ehpc-8jqdq0mz@jn1a,ehpc-x@jn1a=Training", " e-a@b = c = d @ e ,e-f@g", "e-a@b,e-a@c", "e-a@b=A,e-c@d=a",
		"e-a@b=e-c,e-c@d", "e-a@b=E-A", "e-a@b=\x00", "e-a@b=\xff", "e-a@b=k,e-c@d=\u212a", "e-a@b=", "'e-a@b'", ",", "@", "=",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		read := func(value string) (config.Config, error) {
			env := required()
			env["EHPC_CLUSTERS"] = value
			return config.Load(envconfig.MapLookuper(env))
		}
		c, err := read(value)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "EHPC_CLUSTERS: ") {
				t.Fatalf("%q: %v", value, err)
			}
			return
		}
		var items []string
		for _, k := range c.Policy.Clusters {
			for _, name := range []string{k.ID, k.Label()} {
				if found, ok := c.Policy.Cluster(name); !ok || found != k {
					t.Fatalf("%q: %q means %+v and %+v", value, name, found, k)
				}
			}
			if n := utf8.RuneCountInString(k.Label()); n == 0 || n > 75 || k.Zone == "" || !utf8.ValidString(k.Label()) {
				t.Fatalf("%q: %+v", value, k)
			}
			item := k.ID + "@" + k.Zone
			if k.Name != "" {
				item += "=" + k.Name
			}
			items = append(items, item)
		}
		again, err := read(strings.Join(items, ","))
		if err != nil || len(again.Policy.Clusters) != len(c.Policy.Clusters) {
			t.Fatalf("%q: written as %q it is %+v, %v", value, items, again.Policy.Clusters, err)
		}
		for i, k := range c.Policy.Clusters {
			if again.Policy.Clusters[i] != k {
				t.Fatalf("%q: %+v became %+v", value, k, again.Policy.Clusters[i])
			}
		}
	})
}
