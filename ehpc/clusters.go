package ehpc

import (
	"context"
	"errors"
	"net/http"
)

// TypeShared is the type of a shared cluster. It has one user for good, and none can be added.
const TypeShared = "hpc"

const actionListClusters = "listClusters"

// clusterListing is the content of an answer to a listing of clusters. In one example of the API document the cluster
// stands inside another object.
type clusterListing struct {
	Set []struct {
		clusterItem
		App clusterItem `json:"app_cluster"`
	} `json:"cluster_set"`
}

type clusterItem struct {
	ID     looseText `json:"cluster_id"`
	Type   looseText `json:"cluster_type"`
	Status looseText `json:"cluster_status"`
}

// Cluster is what the API tells of a cluster; of what it does not say, nothing.
type Cluster struct {
	Type   string // such as [TypeShared]
	Status string // such as active
}

func (l *clusterListing) check() error { return nil }

// Cluster looks a cluster up. It is zero where the API does not list it.
func (c *Client) Cluster(ctx context.Context, zone, clusterID string) (Cluster, error) {
	if err := errors.Join(ValidateClusterID(clusterID), ValidateZone(zone)); err != nil {
		return Cluster{}, &Error{Action: actionListClusters, Class: ClassRefused, Err: err}
	}
	var listed clusterListing
	err := c.send(ctx, call{
		action: actionListClusters,
		method: http.MethodGet,
		path:   "/api/cluster/list",
		zone:   zone,
		params: map[string]string{"owner": "true", "cluster_id": clusterID},
	}, &listed)
	for _, item := range listed.Set {
		for _, cluster := range []clusterItem{item.clusterItem, item.App} {
			if string(cluster.ID) == clusterID {
				return Cluster{Type: string(cluster.Type), Status: string(cluster.Status)}, err
			}
		}
	}
	return Cluster{}, err
}
