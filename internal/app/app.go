// Package app assembles the gateway: it reads the configuration, opens what it
// names, wires the packages together by hand, and owns the life of all of it.
// It never touches os.Signal, os.Args or os.Exit, so that a test can run a
// whole gateway in its own process. cmd/gatehouse is its caller.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"gatehouse/b2bua"
	"gatehouse/config"
	"gatehouse/internal/admin"
	"gatehouse/internal/observe/cdr"
	"gatehouse/internal/observe/log"
	"gatehouse/internal/observe/metrics"
	"gatehouse/media/anchor"
	"gatehouse/policy/engine"
	"gatehouse/policy/limit"
	"gatehouse/sip/transport"
	"gatehouse/sip/txn"
)

// Options say what to run.
type Options struct {
	// Load reads the configuration, at the start and for each reload. The
	// issues are advice.
	Load func() (*config.Config, []config.Issue, error)
	// Log takes JSON lines.
	Log io.Writer
	// Version and Commit identify the binary.
	Version, Commit string
	// DrainTime is the most a drain may take before calls are ended.
	DrainTime time.Duration
	// Net opens the SIP sockets; nil is the system's.
	Net transport.Net
}

// App is one running gateway.
type App struct {
	o        Options
	log      zerolog.Logger
	cfg      atomic.Pointer[config.Config]
	stack    *transport.Stack
	listen   *listeners
	names    names
	media    *anchor.Plane
	engine   *b2bua.Engine
	gate     *limit.Gate
	admit    *admission
	sources  *sources
	cdr      *cdr.Writer // nil when the configuration names no file
	admin    *admin.Server
	logOut   *log.Writer
	level    log.Level
	reloadOK atomic.Bool
	ready    atomic.Bool
	drain    chan struct{} // closed when the API or a signal asks to drain
	once     sync.Once

	reloading sync.Mutex              // one reload at a time; never held while waiting for calls
	resolved  map[string][]netip.Addr // guarded by reloading: where the peers known by name send from, as compiled
	wg        sync.WaitGroup
	life      context.Context //nolint:containedctx // the end of the process, for retired listeners; not a request's
	end       context.CancelFunc
}

// New opens everything the configuration names. On error nothing stays open.
func New(o Options) (*App, error) {
	a := &App{o: o, drain: make(chan struct{})}
	a.life, a.end = context.WithCancel(context.Background())
	if err := a.open(); err != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		return nil, errors.Join(err, a.Close(ctx))
	}
	return a, nil
}

const (
	// closeTime bounds the joining of everything at the end.
	closeTime = 10 * time.Second
	// closeStep is the time of one part; connections have two, for what is
	// queued on them, and call records three, for a disk that is slow.
	closeStep = closeTime / 10
)

func (a *App) open() error {
	c, advice, err := a.o.Load()
	if err != nil {
		return err
	}
	a.cfg.Store(c)
	if err := a.openLog(c.Log.Level); err != nil {
		return err
	}
	a.advise(advice)
	a.reloadOK.Store(true)
	a.openNames(c)
	a.resolved = a.sources.Find(a.life, c, a.names.Resolve, true)
	snapshot, err := compile(c, a.resolved)
	if err != nil {
		return err
	}
	if c.CDR.File != "" {
		if a.cdr, err = cdr.Open(cdr.Options{Path: c.CDR.File, Log: a.log}); err != nil {
			return err
		}
	}
	zones := mediaZones(c)
	share := a.budget(addresses(zones))
	front := &handler{}
	a.gate = limit.NewGate(rulesOf(c.Security), time.Now)
	a.admit = &admission{front: front, gate: a.gate, noise: a.noise()}
	front.admit = a.admit
	if a.media, err = anchor.New(anchor.Config{Zones: zones, Timeout: c.Media.Timeout, OnTimeout: func(owner uint64) {
		front.engine.Load().MediaTimeout(owner)
	}, Log: a.log, Sockets: share.sockets, Reserve: share.reserve}); err != nil {
		return fmt.Errorf("open media: %w", err)
	}
	a.stack, err = transport.New(transport.Options{Net: a.o.Net, Handler: front, Log: a.log, Noise: a.noise(), Limits: share.sip, Admission: a.admit})
	if err != nil {
		return fmt.Errorf("open transport: %w", err)
	}
	if a.engine, err = a.newEngine(snapshot); err != nil {
		return err
	}
	front.engine.Store(a.engine)
	return a.serve(c, share.api)
}

// serve opens what others reach us by, once everything behind it stands.
func (a *App) serve(c *config.Config, apiConns int) error {
	ch, err := a.listen.prepare(c)
	if err != nil {
		return err
	}
	a.listen.commit(ch)
	a.wg.Go(a.watchSources)
	if c.Admin.Listen.IsValid() {
		registry := metrics.New(a.metricSources(), metrics.Build{Version: a.o.Version, Commit: a.o.Commit})
		a.admin, err = admin.Open(admin.Options{Listen: c.Admin.Listen, Token: c.Admin.Token.Reveal(), Gateway: gateway{a},
			Metrics: metrics.Handler(registry), Log: a.log, Noise: a.noise(), MaxConns: apiConns})
		if err != nil {
			return err
		}
	}
	a.ready.Store(true)
	return nil
}

// openNames makes what looks names up, for calls and for where peers send from.
func (a *App) openNames(c *config.Config) {
	a.listen = newListeners(a.log)
	a.names.own = func(at netip.AddrPort) bool { return a.listen.current.Load().ownAny(at) }
	a.names.commit(a.names.make(c.DNS), c.DNS)
	a.sources = newSources(a.log, time.Now)
}

// compile makes the policy of a configuration.
func compile(c *config.Config, resolved map[string][]netip.Addr) (*engine.Snapshot, error) {
	s, err := engine.Compile(c, resolved)
	if err != nil {
		return nil, fmt.Errorf("compile policy: %w", err)
	}
	return s, nil
}

func (a *App) newEngine(snapshot *engine.Snapshot) (*b2bua.Engine, error) {
	a.listen.stack = a.stack
	sealer, err := newSealer()
	if err != nil {
		return nil, err
	}
	secret, err := newSecret()
	if err != nil {
		return nil, err
	}
	return b2bua.New(b2bua.Options{
		Node: a.cfg.Load().Node, NodeID: nodeID(a.cfg.Load().Node), Sealer: sealer, Secret: secret, Sender: a.stack, Resolver: &a.names,
		Listen: a.listen.get, Media: a.media, Recorder: recorder{a.cdr, a.log}, Log: a.log, Timers: txn.DefaultTimers(),
		Now: time.Now, UUID: newUUID, Boot: time.Now().Unix(),
	}, snapshot)
}

// Close ends everything at once, newest first, and joins it. It works on a
// half-built App and may be called twice.
func (a *App) Close(ctx context.Context) error {
	a.ready.Store(false)
	a.end()
	var errs []error
	// Each part has its own time, so that one that hangs, such as a client of
	// the API that sends its request drop by drop, takes none of the others'.
	step := func(present bool, most time.Duration, closeIt func(context.Context) error) {
		if !present {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, most)
		defer cancel()
		errs = append(errs, closeIt(ctx))
	}
	step(a.admin != nil, closeStep, func(ctx context.Context) error { return a.admin.Close(ctx) })
	step(a.stack != nil, 2*closeStep, func(ctx context.Context) error { return a.stack.Close(ctx) })
	step(a.engine != nil, closeStep, func(ctx context.Context) error { return a.engine.Close(ctx) })
	step(true, closeStep, a.names.close)
	step(a.media != nil, closeStep, func(ctx context.Context) error { return a.media.Shutdown(ctx) })
	step(a.cdr != nil, 3*closeStep, func(ctx context.Context) error { return a.cdr.Close(ctx) })
	a.wg.Wait()
	if a.engine != nil {
		a.log.Info().Msg("stopped")
	}
	step(a.logOut != nil, closeStep, func(ctx context.Context) error { return a.logOut.Close(ctx) })
	return errors.Join(errs...)
}
