// Package status shows how the bot is doing to those who run it: health, readiness and metrics over HTTP.
package status

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"ehpcbot/approval"
)

// Metrics counts what happens. It implements the observers of the other packages.
type Metrics struct {
	registry    *prometheus.Registry
	acks        *prometheus.HistogramVec
	jobs        *prometheus.CounterVec
	slackCalls  *prometheus.CounterVec
	ehpcCalls   *prometheus.CounterVec
	connections prometheus.Gauge
}

// NewMetrics returns metrics on a registry of their own.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		acks: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "ehpcbot_acknowledgement_seconds",
			Help:    "Time from the arrival of a Slack envelope to its acknowledgement, the commit included. Slack waits 3 seconds.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 3},
		}, []string{"envelope"}),
		jobs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ehpcbot_jobs_total",
			Help: "Runs of jobs by kind and result: done, later (waits for something), error (will be repeated), stopped.",
		}, []string{"kind", "result"}),
		slackCalls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ehpcbot_slack_calls_total",
			Help: "Calls of Slack's Web API by method and result: ok, Slack's error code, http_STATUS, no_answer, or limited (not sent).",
		}, []string{"method", "result"}),
		ehpcCalls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ehpcbot_ehpc_calls_total",
			Help: "Calls of the EHPC API by action and result: ok, refused, busy, operator, unknown, or limited (not sent).",
		}, []string{"action", "result"}),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "ehpcbot_slack_connections",
			Help: "Socket Mode connections that are open.",
		}),
	}
	m.registry.MustRegister(m.acks, m.jobs, m.slackCalls, m.ehpcCalls, m.connections,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Acknowledged notes the time that an envelope took.
func (m *Metrics) Acknowledged(envelope string, took time.Duration) {
	m.acks.WithLabelValues(envelope).Observe(took.Seconds())
}

// Connections notes how many Socket Mode connections are open.
func (m *Metrics) Connections(n int) { m.connections.Set(float64(n)) }

// SlackCall counts a call of Slack's Web API.
func (m *Metrics) SlackCall(method, result string) {
	m.slackCalls.WithLabelValues(method, result).Inc()
}

// EHPCCall counts a call of the EHPC API.
func (m *Metrics) EHPCCall(action, result string) {
	m.ehpcCalls.WithLabelValues(action, result).Inc()
}

// Job counts a run of a job.
func (m *Metrics) Job(kind, result string) {
	m.jobs.WithLabelValues(kind, result).Inc()
}

// Requests tells of the requests in the database; *approval.Service is one.
type Requests interface {
	Counts(ctx context.Context) (map[approval.State]int, error)
	LongestWait(ctx context.Context) (time.Duration, error)
}

// CountRequests adds what is read from the database whenever it is asked for, so that all processes on one database tell
// the same.
func (m *Metrics) CountRequests(r Requests) {
	m.registry.MustRegister(requests{
		Requests: r,
		count:    prometheus.NewDesc("ehpcbot_requests", "Requests by state.", []string{"state"}, nil),
		longest: prometheus.NewDesc("ehpcbot_longest_wait_seconds",
			"Age of the oldest request that is approved and waits for nobody but the bot; 0 where there is none.", nil, nil),
	})
}

type requests struct {
	Requests
	count, longest *prometheus.Desc
}

func (r requests) Describe(ch chan<- *prometheus.Desc) { ch <- r.count; ch <- r.longest }

func (r requests) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	counts, err := r.Counts(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(r.count, err)
		return
	}
	for _, state := range approval.States() {
		ch <- prometheus.MustNewConstMetric(r.count, prometheus.GaugeValue, float64(counts[state]), string(state))
	}
	wait, err := r.LongestWait(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(r.longest, err)
		return
	}
	ch <- prometheus.MustNewConstMetric(r.longest, prometheus.GaugeValue, wait.Seconds())
}
