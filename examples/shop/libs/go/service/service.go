// Package service runs a process the way every service of the shop runs: an HTTP server with
// /healthz and /metrics, structured logs, one request counter, and an orderly end on SIGTERM.
//
// It knows nothing of carts or products.
package service

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"example.com/shop/libs/go/logging"
)

// shutdownGrace is how long running requests may take once the service was told to stop.
const shutdownGrace = 5 * time.Second

// Service is a named process of the shop.
type Service struct {
	Name    string
	Log     *slog.Logger
	Metrics *prometheus.Registry
	// Background runs beside the server until its context ends; nil for none.
	Background func(context.Context)
	requests   *prometheus.CounterVec
}

// New returns a service that logs to log.
func New(name string, log *slog.Logger) *Service {
	requests := prometheus.NewCounterVec(
		prometheus.CounterOpts{Name: "http_requests_total", Help: "Requests served, by route and status."},
		[]string{"method", "route", "status"},
	)
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(requests)
	return &Service{Name: name, Log: log, Metrics: metrics, requests: requests}
}

// Main is the main function of a service: it parses the command line, lets setup add routes,
// and serves until SIGINT or SIGTERM. The address is -addr, else the port in PORT, else defaultAddr.
func Main(name, defaultAddr string, setup func(*Service, chi.Router) error) {
	if port := os.Getenv("PORT"); port != "" {
		defaultAddr = ":" + port
	}
	addr := flag.String("addr", defaultAddr, "address to listen on; port 0 takes any free one")
	flag.Parse()

	log := logging.New(os.Stderr, name, logging.Format(os.Getenv("LOG_FORMAT")))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := start(ctx, New(name, log), *addr, setup); err != nil {
		log.Error("failed", "error", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, s *Service, addr string, setup func(*Service, chi.Router) error) error {
	router := s.Router()
	if err := setup(s, router); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return s.Serve(ctx, listener, router)
}

// Serve answers requests on the listener until ctx ends, then lets the running ones finish.
func (s *Service) Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var background sync.WaitGroup
	if s.Background != nil {
		background.Go(func() { s.Background(ctx) })
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, done := context.WithTimeout(context.Background(), shutdownGrace)
		defer done()
		stopped <- server.Shutdown(grace)
	}()

	s.Log.Info("listening", "addr", listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	err := <-stopped
	background.Wait()
	s.Log.Info("stopped")
	if err != nil {
		return fmt.Errorf("requests were still running after %s: %w", shutdownGrace, err)
	}
	return nil
}
