package crashtest

import (
	"bufio"
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// point is a moment at the program's boundary: before or after a step. The order of steps of different kinds
// varies with time, so a point is the n-th of its kind.
type point struct {
	kind  string // such as "slack chat.postMessage", "ehpc addUser" or "commit INSERT request"
	phase string // "before" it takes effect, or "after" that and before the program knows
	n     int    // from 1
}

func (p point) String() string { return fmt.Sprintf("%s %s #%d", p.phase, p.kind, p.n) }

// points counts the moments that the program passes, and acts at one of them.
type points struct {
	mu     sync.Mutex
	passed map[point]int // by kind and phase
	target point
	act    func() // at the target, once; nil when that is done
}

// pass counts a moment. It reports whether the program was killed there, so that what it was about to do must
// not be done.
func (p *points) pass(kind, phase string) (killed bool) {
	p.mu.Lock()
	at := point{kind: kind, phase: phase}
	p.passed[at]++
	at.n = p.passed[at]
	act := p.act
	if act == nil || at != p.target {
		p.mu.Unlock()
		return false
	}
	p.act = nil
	p.mu.Unlock()
	act()
	return true
}

// aim chooses the target, and what to do there.
func (p *points) aim(target point, act func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target, p.act = target, act
}

// forget has the points count from now on.
func (p *points) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.passed)
}

// reached reports whether the program came to the target.
func (p *points) reached() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.act == nil
}

// all returns every point that was passed.
func (p *points) all() []point {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []point
	for at, times := range p.passed {
		for n := range times {
			all = append(all, point{at.kind, at.phase, n + 1})
		}
	}
	slices.SortFunc(all, func(a, b point) int {
		return cmp.Or(strings.Compare(a.kind, b.kind), cmp.Compare(a.n, b.n), -strings.Compare(a.phase, b.phase))
	})
	return all
}

// watch counts the calls that reach the doubles. A call before which the program is killed has no effect.
func (p *points) watch(slack *slacktest.Server, api *ehpctest.Server) {
	slack.OnCall(func(c slacktest.Call, phase string) { p.call("slack "+c.Method, phase) })
	api.OnCall(func(c ehpctest.Call, phase string) { p.call("ehpc "+c.Action, phase) })
}

func (p *points) call(kind, phase string) {
	if p.pass(kind, phase) {
		panic(http.ErrAbortHandler) // the documented way to break a connection off
	}
}

// listen takes what the program tells of its commits, and returns the address for that.
func (p *points) listen(t testing.TB) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}

// serve lets the program pass one point, unless it is killed there.
func (p *points) serve(conn net.Conn) {
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	phase, step, ok := strings.Cut(strings.TrimSpace(line), " ")
	if err == nil && ok && !p.pass("commit "+step, phase) {
		_, _ = fmt.Fprintln(conn)
	}
}

// count says how many points of each sort there are.
func count(all []point) string {
	sorts := map[string]int{}
	for _, at := range all {
		sort, _, _ := strings.Cut(at.kind, " ")
		sorts[sort]++
	}
	var parts []string
	for _, sort := range slices.Sorted(maps.Keys(sorts)) {
		parts = append(parts, fmt.Sprintf("%s %d", sort, sorts[sort]))
	}
	return strings.Join(parts, ", ")
}
