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
	ID   looseText `json:"cluster_id"`
	Type looseText `json:"cluster_type"`
}

func (l *clusterListing) check() error { return nil }

// ClusterType returns the type of a cluster, such as [TypeShared]; empty where the API does not say.
func (c *Client) ClusterType(ctx context.Context, zone, clusterID string) (string, error) {
	if err := errors.Join(ValidateClusterID(clusterID), ValidateZone(zone)); err != nil {
		return "", &Error{Action: actionListClusters, Class: ClassRefused, Err: err}
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
				return string(cluster.Type), err
			}
		}
	}
	return "", err
}
