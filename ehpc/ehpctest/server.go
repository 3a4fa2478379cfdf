package ehpctest

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What a server has without options.
const (
	AccessKeyID     = "QYACCESSKEYIDEXAMPLE"
	SecretAccessKey = "SECRETACCESSKEY"
	ClusterID       = "ehpc-8jqdq0mz"
	OtherClusterID  = "ehpc-x"
	Zone            = "jn1a"
)

// Server is a double of the EHPC API. It is an [http.Handler] as well, and safe
// for use by several goroutines.
type Server struct {
	URL string // such as http://127.0.0.1:41234, without a slash at the end

	accessKeyID string
	secretKey   string
	jobTime     time.Duration
	now         func() time.Time
	address     string
	quota       *rate.Limiter // nil: no limit

	singleJobIDs bool

	http     *http.Server
	serving  sync.WaitGroup // the goroutine that accepts connections
	inFlight sync.WaitGroup // requests being served
	closing  chan struct{}  // closed by Close

	mu       sync.Mutex // guards all below
	closed   bool
	clusters []*cluster
	jobs     []*job
	failJobs int
	loseJobs int
	hangJobs bool

	resetsADay int // that modifyUser makes of one account; 0: any number
	faults     []*fault
	calls      []*Call
	hook       func(call Call, phase string)
	ended      func(call Call)
}

// Option changes a server before it starts.
type Option func(*Server)

// WithCredentials sets the only API key that the server accepts.
func WithCredentials(accessKeyID, secretAccessKey string) Option {
	return func(s *Server) { s.accessKeyID, s.secretKey = accessKeyID, secretAccessKey }
}

// WithCluster adds a cluster in a zone. Without this option there are
// [ClusterID] and [OtherClusterID], both in [Zone]; with it there are only the
// clusters that it names. It can be given several times.
func WithCluster(id, zone string) Option {
	return func(s *Server) { s.clusters = append(s.clusters, newCluster(id, zone)) }
}

// WithJobTime sets how long a job takes. The default is 0: a job has ended when
// it is first asked for.
func WithJobTime(d time.Duration) Option {
	return func(s *Server) { s.jobTime = d }
}

// WithClock sets the server's clock, by which timestamps are checked and jobs
// end. The default is [time.Now].
func WithClock(now func() time.Time) Option {
	return func(s *Server) { s.now = now }
}

// WithQuota sets how many calls may be made in an hour: the size of a bucket
// that is refilled evenly. Those above are answered with 2500, have no effect
// and do not count. The default is no limit.
func WithQuota(callsPerHour int) Option {
	return func(s *Server) {
		s.quota = rate.NewLimiter(rate.Limit(float64(callsPerHour)/time.Hour.Seconds()), callsPerHour)
	}
}

// WithSingleJobIDs makes job_ids in a request one id, whatever it holds, so
// that a list finds nothing. The default is a list with commas.
func WithSingleJobIDs() Option {
	return func(s *Server) { s.singleJobIDs = true }
}

// WithAddr sets where to listen, such as "127.0.0.1:8080". The default is a free
// port on loopback.
func WithAddr(address string) Option {
	return func(s *Server) { s.address = address }
}

// NewServer starts a server. The caller closes it. Like the one of
// net/http/httptest it panics where it cannot listen.
func NewServer(options ...Option) *Server {
	s := NewHandler(options...)
	s.start()
	return s
}

// NewHandler returns a server that does not listen: an [http.Handler] alone,
// for tests without a network, such as those in a bubble of testing/synctest.
func NewHandler(options ...Option) *Server {
	s := &Server{
		accessKeyID: AccessKeyID,
		secretKey:   SecretAccessKey,
		now:         time.Now,
		address:     "127.0.0.1:0",
		closing:     make(chan struct{}),
	}
	for _, option := range options {
		option(s)
	}
	if len(s.clusters) == 0 {
		s.clusters = []*cluster{newCluster(ClusterID, Zone), newCluster(OtherClusterID, Zone)}
	}
	return s
}

func (s *Server) start() {
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		panic(fmt.Sprintf("ehpctest: listen: %v", err))
	}
	s.URL = "http://" + listener.Addr().String()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.serving.Go(func() {
		// Serve always returns an error: after Close it says so.
		_ = s.http.Serve(listener)
	})
}

// Close ends the delays of requests in flight, waits until these are served,
// and stops the server. It can be called again.
func (s *Server) Close() {
	if !s.markClosed() {
		return
	}
	s.inFlight.Wait()
	if s.http != nil {
		_ = s.http.Close() // an error here is one of closing sockets that go away anyway
	}
	s.serving.Wait()
}

func (s *Server) markClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.closed = true
	close(s.closing)
	return true
}

// enter admits a request unless the server is closing.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.inFlight.Add(1)
	}
	return !s.closed
}

// UseQuota uses up what is left of the quota, as others would who share it.
func (s *Server) UseQuota() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quota != nil {
		s.quota.AllowN(s.now(), int(s.quota.TokensAt(s.now())))
	}
}

// AddExisting makes an account without any call. It panics for a cluster that the server does not have. An account of
// that name gets the new password.
func (s *Server) AddExisting(clusterID, username, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	c := s.mustCluster(clusterID)
	if existing := c.user(username); existing != nil {
		existing.password = password
		return
	}
	c.add(username, password, "", "", s.now())
}

// Share makes a cluster a shared one, of the type hpc. What else is special about these it does not act.
func (s *Server) Share(clusterID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustCluster(clusterID).kind = "hpc"
}

// Backdate has an account be made some time before now.
func (s *Server) Backdate(clusterID, username string, by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustCluster(clusterID).user(username).created = s.now().Add(-by)
}

// RemoveUser removes an account without any call, as if an administrator had.
// It does nothing where there is none, and panics for a cluster that the server
// does not have.
func (s *Server) RemoveUser(clusterID, username string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	s.mustCluster(clusterID).remove(username)
}

// Users returns the usernames of a cluster, the oldest account first.
func (s *Server) Users(clusterID string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	var names []string
	for _, u := range s.mustCluster(clusterID).users {
		names = append(names, u.name)
	}
	return names
}

// Account is an account as it is now.
type Account struct {
	Username  string
	UID       int
	CreatedAt time.Time
	JobID     string // of the job that made it; empty: none did
}

// Accounts returns the accounts of a cluster, the oldest first.
func (s *Server) Accounts(clusterID string) []Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	var all []Account
	for _, u := range s.mustCluster(clusterID).users {
		all = append(all, Account{Username: u.name, UID: u.number, CreatedAt: u.created, JobID: u.job})
	}
	return all
}

// Password returns the password that an account has now, and whether there is
// such an account.
func (s *Server) Password(clusterID, username string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	if u := s.mustCluster(clusterID).user(username); u != nil {
		return u.password, true
	}
	return "", false
}

// AddUserEffects returns how many accounts of that name addUser has ever made in
// the cluster, deleted ones included. More than one means that an account was
// made twice.
func (s *Server) AddUserEffects(clusterID, username string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	return s.mustCluster(clusterID).made[username]
}

func (s *Server) mustCluster(id string) *cluster {
	c := s.cluster(id)
	if c == nil {
		panic(fmt.Sprintf("ehpctest: there is no cluster %q", id))
	}
	return c
}

func (s *Server) cluster(id string) *cluster {
	i := slices.IndexFunc(s.clusters, func(c *cluster) bool { return c.id == id })
	if i < 0 {
		return nil
	}
	return s.clusters[i]
}
