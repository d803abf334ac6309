// Package logging makes the structured logger that every service of the shop uses.
package logging

import (
	"io"
	"log/slog"

	"github.com/lmittmann/tint"
)

// Format is how log records are written.
type Format string

const (
	// JSON is one object a line, for machines: the default.
	JSON Format = "json"
	// Text is coloured lines, for people.
	Text Format = "text"
)

// New returns a logger that writes to w and puts the service's name on every record.
// An unknown format is JSON.
func New(w io.Writer, service string, format Format) *slog.Logger {
	return slog.New(handler(w, format)).With("service", service)
}

func handler(w io.Writer, format Format) slog.Handler {
	if format == Text {
		return tint.NewHandler(w, &tint.Options{Level: slog.LevelInfo})
	}
	return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelInfo})
}
