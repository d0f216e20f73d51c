package metrics

import (
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// mostScrapes bounds the scrapes served at the same time.
	mostScrapes = 4
	// scrapeTimeout ends a scrape whose sources hang.
	scrapeTimeout = 10 * time.Second
)

// New makes the registry: the sources, the build, the Go runtime and the
// process.
func New(s Sources, b Build) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		&collector{sources: s, build: b, desc: descriptions()},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return r
}

// Handler serves a registry. What cannot be collected is left out of the
// answer rather than failing all of it.
func Handler(r *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: mostScrapes, Timeout: scrapeTimeout})
}

// family is the description of one metric.
type family struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

type descs struct {
	calls, callsTotal, dialogs, transactions, setupDelay family
	engineDrops                                          family
	ports, flows, mediaDrops                             family
	messages, sipDrops                                   family
	recordsQueued, recordsWritten, recordsLost           family
	conns, handshakes                                    family
	admission, offences, bans, lookups                   family
	logDropped, reloadOK, build                          family
}

func gauge(name, help string, labels ...string) family {
	return family{prometheus.NewDesc("gatehouse_"+name, help, labels, nil), prometheus.GaugeValue}
}

func counter(name, help string, labels ...string) family {
	return family{prometheus.NewDesc("gatehouse_"+name, help, labels, nil), prometheus.CounterValue}
}

func descriptions() descs {
	return descs{
		calls:          gauge("calls_active", "Calls being set up or talking."),
		callsTotal:     counter("calls_total", "Calls that ended or were refused.", "from", "to", "result"),
		dialogs:        gauge("dialogs_active", "SIP dialogs, early and confirmed."),
		transactions:   gauge("transactions_active", "SIP transactions, client and server."),
		setupDelay:     gauge("setup_delay_seconds", "Time from the INVITE in to the INVITE out."),
		engineDrops:    counter("engine_drop_total", "Messages the call engine did not serve, and panics it survived.", "cause"),
		ports:          gauge("media_ports_in_use", "Media ports taken by calls.", "zone"),
		flows:          gauge("media_flows", "Directions of media streams forwarded.", "path"),
		mediaDrops:     counter("media_drop_total", "Media packets dropped.", "cause"),
		messages:       counter("sip_messages_total", "SIP messages; code is empty for requests.", "direction", "method", "code"),
		sipDrops:       counter("sip_drop_total", "SIP messages and connections dropped.", "cause"),
		conns:          gauge("sip_connections", "SIP connections open.", "transport"),
		handshakes:     gauge("sip_handshakes", "Accepted SIP connections in their TLS or WebSocket handshake."),
		admission:      counter("admission_total", "Messages and connections by what was decided of their source.", "verdict"),
		offences:       counter("offences_total", "What sources that no peer claims did and should not have.", "reason"),
		bans:           gauge("bans_active", "Sources that are shut out for what they did."),
		lookups:        counter("dns_lookups_total", "Names and records looked up, by what came of it.", "result"),
		recordsQueued:  gauge("cdr_queued", "Call records waiting to be written."),
		recordsWritten: counter("cdr_written_total", "Call records written."),
		recordsLost:    counter("cdr_lost_total", "Call records lost because too many waited."),
		logDropped:     counter("log_dropped_total", "Log lines dropped because the output was too slow."),
		reloadOK:       gauge("config_last_reload_successful", "Whether the last configuration load succeeded."),
		build:          gauge("build_info", "Always 1; what is running.", "version", "commit", "goversion"),
	}
}

// collector turns the sources into metrics.
type collector struct {
	sources Sources
	build   Build
	desc    descs
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	d := c.desc
	for _, f := range []family{d.calls, d.callsTotal, d.dialogs, d.transactions, d.setupDelay, d.engineDrops, d.ports, d.flows, d.mediaDrops,
		d.messages, d.sipDrops, d.conns, d.handshakes, d.admission, d.offences, d.bans, d.lookups, d.recordsQueued, d.recordsWritten, d.recordsLost, d.logDropped, d.reloadOK, d.build} {
		ch <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	d, s := c.desc, c.sources
	emit(ch, d.build, 1, c.build.Version, c.build.Commit, runtime.Version())
	if s.Engine != nil {
		c.engine(ch, s.Engine())
	}
	if s.Media != nil {
		m := s.Media()
		each(ch, d.ports, m.PortsInUse)
		each(ch, d.flows, m.Flows)
		each(ch, d.mediaDrops, m.Drops)
	}
	if s.Signalling != nil {
		c.signalling(ch, s.Signalling())
	}
	if s.Admission != nil {
		a := s.Admission()
		each(ch, d.admission, a.Verdicts)
		each(ch, d.offences, a.Offences)
		emit(ch, d.bans, float64(a.Bans))
	}
	if s.Lookups != nil {
		each(ch, d.lookups, s.Lookups())
	}
	if s.Records != nil {
		r := s.Records()
		emit(ch, d.recordsQueued, float64(r.Queued))
		emit(ch, d.recordsWritten, float64(r.Written))
		emit(ch, d.recordsLost, float64(r.Lost))
	}
	if s.LogDropped != nil {
		emit(ch, d.logDropped, float64(s.LogDropped()))
	}
	if s.ReloadOK != nil {
		ok := 0.0
		if s.ReloadOK() {
			ok = 1
		}
		emit(ch, d.reloadOK, ok)
	}
}

func (c *collector) engine(ch chan<- prometheus.Metric, e EngineStats) {
	emit(ch, c.desc.calls, float64(e.Calls))
	emit(ch, c.desc.dialogs, float64(e.Dialogs))
	emit(ch, c.desc.transactions, float64(e.Transactions))
	sums := map[[3]string]uint64{}
	for _, n := range e.CallsTotal {
		sums[[3]string{n.From, n.To, n.Result}] += n.N
	}
	for k, n := range sums {
		emit(ch, c.desc.callsTotal, float64(n), k[0], k[1], k[2])
	}
	ch <- histogram(c.desc.setupDelay, e.SetupDelay)
	each(ch, c.desc.engineDrops, e.Drops)
}

// histogram makes the buckets cumulative. One whose parts do not fit together
// is an error of the source and fails its own family only.
func histogram(f family, h Histogram) prometheus.Metric {
	if len(h.Counts) != len(h.Bounds)+1 || !slices.IsSorted(h.Bounds) {
		if len(h.Counts) == 0 && len(h.Bounds) == 0 {
			h.Counts = []uint64{0}
		} else {
			return prometheus.NewInvalidMetric(f.desc, errHistogram)
		}
	}
	var total uint64
	buckets := make(map[float64]uint64, len(h.Bounds))
	for i, n := range h.Counts {
		total += n
		if i < len(h.Bounds) {
			buckets[h.Bounds[i]] = total
		}
	}
	m, err := prometheus.NewConstHistogram(f.desc, total, h.Sum, buckets)
	if err != nil {
		return prometheus.NewInvalidMetric(f.desc, err)
	}
	return m
}

func (c *collector) signalling(ch chan<- prometheus.Metric, s SignallingStats) {
	sums := map[[3]string]uint64{}
	for _, m := range s.Messages {
		code := ""
		if m.Code != 0 {
			code = strconv.Itoa(m.Code)
		}
		sums[[3]string{m.Direction, m.Method, code}] += m.N
	}
	for k, n := range sums {
		emit(ch, c.desc.messages, float64(n), k[0], k[1], k[2])
	}
	each(ch, c.desc.sipDrops, s.Drops)
	each(ch, c.desc.conns, s.Connections)
	emit(ch, c.desc.handshakes, float64(s.Handshakes))
}

func each[N int | uint64](ch chan<- prometheus.Metric, f family, values map[string]N) {
	for _, k := range slices.Sorted(maps.Keys(values)) {
		emit(ch, f, float64(values[k]), k)
	}
}

// emit sends one value. Labels that are no UTF-8, which would fail the whole
// scrape, are mended.
func emit(ch chan<- prometheus.Metric, f family, v float64, labels ...string) {
	for i, l := range labels {
		labels[i] = strings.ToValidUTF8(l, "\ufffd")
	}
	m, err := prometheus.NewConstMetric(f.desc, f.kind, v, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(f.desc, err)
	}
	ch <- m
}
