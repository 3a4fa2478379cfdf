package config

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"ehpcbot/approval"
	"ehpcbot/ehpc"
)

const (
	maxClusters   = 100 // what a select of Slack's has room for
	nameMaxLength = 75  // and what it shows of one
)

// clusters reads id@zone and id@zone=Name, comma separated. A name may hold anything else, = and @ included.
func clusters(f *collector, value string) []approval.Cluster {
	if f.missing("EHPC_CLUSTERS", value) {
		return nil
	}
	var all []approval.Cluster
	for i, item := range strings.Split(narrow.Replace(value), ",") {
		if item = strings.TrimSpace(item); item == "" {
			f.add("EHPC_CLUSTERS", "item %d is empty", i+1)
			continue
		}
		if k, wrong := cluster(item); wrong != "" {
			f.add("EHPC_CLUSTERS", "in %s %s", f.quote(item), wrong)
		} else if other, clash := clashing(all, k); clash {
			f.add("EHPC_CLUSTERS", "%s and %s go by the same id or name", f.quote(clusterText(other)), f.quote(clusterText(k)))
		} else {
			all = append(all, k)
		}
	}
	if len(all) > maxClusters {
		f.add("EHPC_CLUSTERS", "lists %d clusters, and a form has room for %d", len(all), maxClusters)
	}
	return all
}

// cluster reads one item, and says what is wrong with it.
func cluster(item string) (k approval.Cluster, wrong string) {
	place, name, named := strings.Cut(item, "=")
	id, zone, zoned := strings.Cut(place, "@")
	k = approval.Cluster{ID: strings.TrimSpace(id), Zone: strings.TrimSpace(zone), Name: strings.TrimSpace(name)}
	switch {
	case !zoned:
		return k, "there is no @zone"
	case ehpc.ValidateClusterID(k.ID) != nil:
		return k, "the id before @ is not one such as ehpc-8jqdq0mz"
	case ehpc.ValidateZone(k.Zone) != nil:
		return k, "the zone after @ is not one such as jn1a"
	case named && k.Name == "":
		return k, "there is no name after ="
	case utf8.RuneCountInString(k.Name) > nameMaxLength:
		return k, "the name has more than 75 characters"
	case !utf8.ValidString(k.Name) || strings.ContainsFunc(k.Name, unicode.IsControl):
		return k, "the name holds a control character"
	}
	return k, ""
}

// clashing returns the cluster that could be meant as well when people write the id or the name of k.
func clashing(all []approval.Cluster, k approval.Cluster) (approval.Cluster, bool) {
	i := slices.IndexFunc(all, func(other approval.Cluster) bool {
		return slices.ContainsFunc(callNames(other), func(name string) bool {
			return slices.ContainsFunc(callNames(k), func(n string) bool { return strings.EqualFold(name, n) })
		})
	})
	if i < 0 {
		return approval.Cluster{}, false
	}
	return all[i], true
}

func callNames(k approval.Cluster) []string {
	if k.Name == "" {
		return []string{k.ID}
	}
	return []string{k.ID, k.Name}
}

// clusterText is a cluster as it is written in the environment.
func clusterText(k approval.Cluster) string {
	if k.Name == "" {
		return k.ID + "@" + k.Zone
	}
	return k.ID + "@" + k.Zone + "=" + k.Name
}
