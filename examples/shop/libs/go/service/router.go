package service

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Router returns a router that counts and logs requests and serves /healthz and /metrics.
func (s *Service) Router() chi.Router {
	router := chi.NewRouter()
	router.Use(s.observe, middleware.Recoverer)
	router.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusOK, map[string]string{"service": s.Name, "status": "ok"})
	})
	router.Method(http.MethodGet, "/metrics", promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{}))
	return router
}

// observe counts and logs each request under its route, not its path, so that ids make no new series.
func (s *Service) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(seen, r)
		route, status := chi.RouteContext(r.Context()).RoutePattern(), seen.Status()
		if status == 0 {
			status = http.StatusOK
		}
		s.requests.WithLabelValues(r.Method, route, strconv.Itoa(status)).Inc()
		s.Log.Info("request", "method", r.Method, "path", r.URL.Path, "status", status, "took", time.Since(began).String())
	})
}

// WriteJSON answers with a value as JSON.
func WriteJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The status is sent: a client that went away is all that can fail here.
	_ = json.NewEncoder(w).Encode(value)
}
