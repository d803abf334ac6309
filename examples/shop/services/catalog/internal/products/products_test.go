package products

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

func TestEmbeddedListIsSound(t *testing.T) {
	list, err := Embedded()
	if err != nil || len(list) == 0 {
		t.Fatalf("%d products, error %v", len(list), err)
	}
}

func TestBadListsAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":  `[`,
		"no id":    `[{"name":"x","price_cents":1}]`,
		"no price": `[{"id":"x"}]`,
		"twice":    `[{"id":"x","price_cents":1},{"id":"x","price_cents":2}]`,
	} {
		if _, err := parse([]byte(text)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestRoutes(t *testing.T) {
	router := chi.NewRouter()
	List{{ID: "tea", Name: "Tea", PriceCents: 450}}.Routes(router)
	for _, c := range []struct {
		path   string
		status int
		body   string
	}{
		{"/products", http.StatusOK, `[{"id":"tea","name":"Tea","price_cents":450}]`},
		{"/products/tea", http.StatusOK, `{"id":"tea","name":"Tea","price_cents":450}`},
		{"/products/gin", http.StatusNotFound, `{"error":"no product gin"}`},
	} {
		answer := httptest.NewRecorder()
		router.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, c.path, nil))
		if got := strings.TrimSpace(answer.Body.String()); answer.Code != c.status || got != c.body {
			t.Errorf("%s: %d %s", c.path, answer.Code, got)
		}
	}
}
