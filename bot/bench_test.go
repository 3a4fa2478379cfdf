package bot_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

// The benchmarks go the whole way over real sockets: the doubles on one side, the bot with its jobs and a
// SQLite file on the other, all in the same process, but for BenchmarkProcess. Their samples are of a fixed
// number, as their figures are quantiles; with -short, which only shows that they work, of a tenth.

// samples returns how many samples are taken where usually there are n.
func samples(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// BenchmarkCommandToAck measures from the moment in which Slack sends a command to its acknowledgement, the
// commit included. Commands come at their time, whether or not those before are answered.
func BenchmarkCommandToAck(b *testing.B) {
	for _, c := range []struct{ perSecond, commands int }{{1, 20}, {10, 200}, {100, 2000}} {
		b.Run(fmt.Sprintf("%d per second", c.perSecond), func(b *testing.B) {
			o := open(b, plan{}).connected()
			took := make([]time.Duration, samples(c.commands))
			var running sync.WaitGroup
			pace := time.NewTicker(time.Second / time.Duration(c.perSecond))
			defer pace.Stop()
			for i := range took {
				<-pace.C
				running.Go(func() {
					r := o.slack.Person(isabel).Command(b.Context(), command, fmt.Sprintf("b%06d", i))
					if r.Err != nil {
						b.Error(r.Err)
					}
					took[i] = r.Took
				})
			}
			running.Wait()
			report(b, took)
		})
	}
}

// BenchmarkApproveToCredentials measures from the press of Approve to the credentials in the direct message,
// with an EHPC that answers at once, and counts the calls that it gets for an account.
func BenchmarkApproveToCredentials(b *testing.B) {
	o := open(b, plan{}).connected()
	took := make([]time.Duration, samples(50))
	for i := range took {
		m := o.asked(username(i))
		start := time.Now()
		o.press(anna, m, "Approve")
		o.delivered(username(i))
		took[i] = time.Since(start)
	}
	report(b, took)
	b.ReportMetric(float64(len(o.ehpc.Calls()))/float64(len(took)), "EHPC-calls/account")
}

// report tells the quantiles of a sample in place of the time per operation, which means nothing here.
func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	quantile := func(p int) float64 {
		return float64(took[(len(took)-1)*p/100]) / float64(time.Millisecond)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(quantile(50), "p50-ms")
	b.ReportMetric(quantile(99), "p99-ms")
	b.ReportMetric(float64(took[len(took)-1])/float64(time.Millisecond), "max-ms")
}

// BenchmarkProcess measures the program as it is shipped: the size of the stripped binary, the time from its
// start until all connections are open, and its resident memory once it has been idle for some seconds.
func BenchmarkProcess(b *testing.B) {
	o := open(b, plan{idle: true})
	binary := filepath.Join(o.dir, "ehpcbot")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "ehpcbot")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(b, err, "%s", out)
	info, err := os.Stat(binary)
	require.NoError(b, err)

	var starts []time.Duration
	var memory []int
	for range samples(10) {
		p := start(b, o, binary, o.environment(b))
		starts = append(starts, p.connected)
		p.idle(b)
		memory = append(memory, p.resident(b))
		p.stop(b)
	}
	slices.Sort(starts)
	slices.Sort(memory)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(info.Size())/1e6, "binary-MB")
	b.ReportMetric(float64(starts[len(starts)/2])/float64(time.Millisecond), "connected-ms")
	b.ReportMetric(float64(memory[len(memory)/2])/1e3, "resident-MB")
}

// environment is the configuration of a process of its own.
func (o *office) environment(b *testing.B) []string {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // for a free port
	require.NoError(b, err)
	address := listener.Addr().String()
	require.NoError(b, listener.Close())
	return []string{
		"SLACK_API_URL=" + o.slack.APIURL(), "SLACK_APP_TOKEN=" + slacktest.AppToken, "SLACK_BOT_TOKEN=" + slacktest.BotToken,
		"EHPC_ENDPOINT=" + o.ehpc.URL, "QINGCLOUD_ACCESS_KEY_ID=" + ehpctest.AccessKeyID, "QINGCLOUD_SECRET_ACCESS_KEY=" + ehpctest.SecretAccessKey,
		"EHPC_CLUSTERS=" + ehpctest.ClusterID + "@" + ehpctest.Zone, "APPROVAL_CHANNEL=" + channel, "APPROVERS=" + anna + "," + staff, "REQUESTS_PER_MINUTE=0",
		"DATABASE_URL=sqlite:" + filepath.Join(b.TempDir(), "ehpcbot.db"), "HTTP_ADDR=" + address,
	}
}

// process is the program on its own.
type process struct {
	cmd       *exec.Cmd
	log       bytes.Buffer
	connected time.Duration
	ready     string
}

// start runs the program until all its connections are open, and has it answer a request.
func start(b *testing.B, o *office, binary string, env []string) *process {
	p := &process{cmd: exec.CommandContext(b.Context(), binary), ready: "http://" + env[len(env)-1][len("HTTP_ADDR="):] + "/readyz"}
	p.cmd.Env = env
	p.cmd.Stderr = &p.log
	began := time.Now()
	require.NoError(b, p.cmd.Start())
	if err := o.slack.WaitConnections(o.patient(), o.conf.Connections); err != nil {
		b.Fatal(err, p.log.String())
	}
	p.connected = time.Since(began)
	require.NoError(b, o.slack.Person(isabel).Command(b.Context(), command, "list").Err)
	return p
}

// idle waits for a few seconds in which nothing happens but what the program does by itself.
func (p *process) idle(b *testing.B) {
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
	defer cancel()
	<-ctx.Done()
	resp, err := http.Get(p.ready)
	require.NoError(b, err)
	defer resp.Body.Close()
	require.Equal(b, http.StatusOK, resp.StatusCode)
}

var residentLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// resident returns the resident memory in kB.
func (p *process) resident(b *testing.B) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Skip("the resident memory is read from /proc, which only Linux has")
	}
	kB, err := strconv.Atoi(string(residentLine.FindSubmatch(status)[1]))
	require.NoError(b, err)
	return kB
}

func (p *process) stop(b *testing.B) {
	require.NoError(b, p.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(b, p.cmd.Wait(), p.log.String())
}
