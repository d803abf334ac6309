package service

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

func quiet() *Service {
	return New("test", slog.New(slog.DiscardHandler))
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestHealthAndMetrics(t *testing.T) {
	s := quiet()
	router := s.Router()
	router.Get("/things/{id}", func(w http.ResponseWriter, r *http.Request) {
		WriteJSON(w, http.StatusTeapot, chi.URLParam(r, "id"))
	})
	server := httptest.NewServer(router)
	defer server.Close()

	if status, body := get(t, server.URL+"/healthz"); status != http.StatusOK || !strings.Contains(body, `"ok"`) {
		t.Errorf("healthz: %d %s", status, body)
	}
	get(t, server.URL+"/things/1")
	get(t, server.URL+"/things/2")
	_, metrics := get(t, server.URL+"/metrics")
	if want := `http_requests_total{method="GET",route="/things/{id}",status="418"} 2`; !strings.Contains(metrics, want) {
		t.Errorf("metrics lack %s:\n%s", want, metrics)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	s := quiet()
	began, ended := make(chan struct{}), false
	s.Background = func(ctx context.Context) {
		close(began)
		<-ctx.Done()
		ended = true
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-began; cancel() }()
	if err := s.Serve(ctx, listener, s.Router()); err != nil || !ended {
		t.Errorf("error %v, background ended: %v", err, ended)
	}
}
