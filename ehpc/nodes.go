package ehpc

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
)

const actionListNodes = "listNodes"

// roleLogin is the role of the nodes at which people log in.
const roleLogin = "login"

// nodeListing is the content of an answer to a listing of nodes. The API sends more of each, and with it an env that
// holds data of the cluster's admin: that is never read.
type nodeListing struct {
	Total looseInt   `json:"total_count"`
	Set   []nodeItem `json:"hpc_app_nodes_set"`
}

type nodeItem struct {
	Role    looseText    `json:"role"`
	Public  looseAddress `json:"eip"`
	Private looseAddress `json:"private_ip"`
}

func (l *nodeListing) check() error {
	if l.Set == nil && !l.Total.isZero() {
		return errNoList
	}
	return nil
}

// LoginAddresses returns the addresses of a cluster's login nodes, of each the public one where it has one. There is none
// where the API tells of no such node, or of none with an address.
func (c *Client) LoginAddresses(ctx context.Context, zone, clusterID string) ([]netip.Addr, error) {
	if err := errors.Join(ValidateClusterID(clusterID), ValidateZone(zone)); err != nil {
		return nil, &Error{Action: actionListNodes, Class: ClassRefused, Err: err}
	}
	var addresses []netip.Addr
	for offset := 0; ; offset += maxLimit {
		listed, err := c.listNodes(ctx, zone, clusterID, offset)
		if err != nil {
			return nil, err
		}
		for _, node := range listed.Set {
			address := node.Public
			if !address.IsValid() {
				address = node.Private
			}
			if node.Role == roleLogin && address.IsValid() {
				addresses = append(addresses, address.Addr)
			}
		}
		if len(listed.Set) < maxLimit {
			return addresses, nil
		}
	}
}

func (c *Client) listNodes(ctx context.Context, zone, clusterID string, offset int) (nodeListing, error) {
	params := map[string]string{"cluster_id": clusterID, "limit": strconv.Itoa(maxLimit)} // without it the API lists ten
	if offset > 0 {
		params["offset"] = strconv.Itoa(offset)
	}
	var listed nodeListing
	err := c.send(ctx, call{
		action: actionListNodes,
		method: http.MethodGet,
		path:   "/api/cluster/listNodes",
		zone:   zone,
		params: params,
	}, &listed)
	return listed, err
}

// looseAddress is an address that comes as a text, or somewhere in an object. What is none is left out.
type looseAddress struct{ netip.Addr }

// UnmarshalJSON takes any JSON value.
func (a *looseAddress) UnmarshalJSON(data []byte) error {
	*a = looseAddress{}
	var object map[string]json.RawMessage
	if json.Unmarshal(data, &object) != nil {
		a.Addr, _ = netip.ParseAddr(scalarText(data))
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if address, err := netip.ParseAddr(scalarText(object[name])); err == nil {
			a.Addr = address
			return nil
		}
	}
	return nil
}
