package config

import (
	"errors"
	"log/slog"
	"net"
	"regexp"
	"strconv"
)

// Log says what is logged, and how.
type Log struct {
	Level  slog.Level
	Format string // text or json
}

// processEnv is the text of what concerns the process itself.
type processEnv struct {
	HTTPAddr  string `env:"HTTP_ADDR"`
	LogLevel  string `env:"LOG_LEVEL"`
	LogFormat string `env:"LOG_FORMAT"`
}

func (e processEnv) httpAddr(f *collector) string {
	if e.HTTPAddr == "" {
		return ""
	}
	if err := checkAddr(e.HTTPAddr); err != nil {
		f.add("HTTP_ADDR", "%s %v", f.quote(e.HTTPAddr), err)
	}
	return e.HTTPAddr
}

var hostForm = regexp.MustCompile(`^[A-Za-z0-9._-]*$`)

func checkAddr(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return errors.New("is not host:port")
	}
	if net.ParseIP(host) == nil && !hostForm.MatchString(host) {
		return errors.New("has no host that could be listened on")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errors.New("has no port from 0 to 65535")
	}
	return nil
}

func (e processEnv) log(f *collector) Log {
	l := Log{Format: f.choice("LOG_FORMAT", e.LogFormat, "text", "json")}
	word := f.choice("LOG_LEVEL", e.LogLevel, "debug", "info", "warn", "error")
	if f.good("LOG_LEVEL") {
		// Cannot fail: slog knows each of the four words.
		_ = l.Level.UnmarshalText([]byte(word))
	}
	return l
}
