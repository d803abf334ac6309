package logging

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestJSONRecordsNameTheService(t *testing.T) {
	var out bytes.Buffer
	New(&out, "cart", JSON).Info("hello", "port", 80)
	var record map[string]any
	if err := json.Unmarshal(out.Bytes(), &record); err != nil {
		t.Fatal(err)
	}
	if record["service"] != "cart" || record["msg"] != "hello" || record["port"] != 80.0 {
		t.Errorf("got %v", record)
	}
}

func TestTextIsForPeople(t *testing.T) {
	var out bytes.Buffer
	New(&out, "cart", Text).Info("hello")
	if text := out.String(); strings.HasPrefix(text, "{") || !strings.Contains(text, "hello") {
		t.Errorf("got %q", text)
	}
}
