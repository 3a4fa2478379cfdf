package ehpctest

// Node is a node of a cluster.
type Node struct {
	Name      string
	Role      string // such as login, of one at which people log in
	PublicIP  string // empty: none is bound
	PrivateIP string
}

// NodeSecret stands in what the API tells of each node beside that, as data of the cluster's admin do.
const NodeSecret = "admin-password-9!"

// AddNode gives a cluster a node. It panics for a cluster that the server does not have.
func (s *Server) AddNode(clusterID string, n Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.mustCluster(clusterID)
	c.nodes = append(c.nodes, n)
}

// SetStatus gives a cluster another status than active, which lists of clusters tell.
func (s *Server) SetStatus(clusterID, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustCluster(clusterID).state = status
}

// listNodes lists the nodes of a cluster.
func (s *Server) listNodes(in input) (object, string, *refusal) {
	c, refused := s.target(in)
	if refused != nil {
		return nil, "", refused
	}
	found := []object{}
	for _, n := range c.nodes {
		found = append(found, n.item())
	}
	return in.page("hpc_app_nodes_set", found)
}

// item is the node as the API lists it.
func (n Node) item() object {
	eip := object{}
	if n.PublicIP != "" {
		eip = object{"eip_id": "eip-" + n.Name, "eip_addr": n.PublicIP}
	}
	return object{
		"name": n.Name, "role": n.Role, "status": "active", "health_status": "healthy", "eip": eip, "private_ip": n.PrivateIP,
		"env": object{"admin_password": NodeSecret},
	}
}
