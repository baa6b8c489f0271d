package serve_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

func newKernel(t *testing.T) *op.Kernel {
	t.Helper()
	kerneltest.Namespace(t, "red")
	k := &op.Kernel{Lab: "services", Dir: t.TempDir(), AllowCommands: true}
	if err := (op.Up{NS: "red", Dev: "lo"}).Do(k); err != nil {
		t.Fatal(err)
	}
	return k
}

func services() []op.Service {
	return []op.Service{
		{NS: "red", Kind: "http", Port: 80, Body: "hello\nfrom red"},
		{NS: "red", Kind: "tcp-echo", Port: 7},
		{NS: "red", Kind: "udp-echo", Port: 7},
		{NS: "red", Kind: "command", Argv: `["sleep","1000"]`},
		{NS: "host", Kind: "http", Port: 8080},
		{NS: "red", Kind: "http", Port: 8081, OwnPID: true},
		{NS: "red", Kind: "command", Argv: `["sleep","1002"]`, OwnPID: true},
	}
}

func diff(t *testing.T, k *op.Kernel, s op.Service) string {
	t.Helper()
	d, err := s.Diff(k)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Every service is a fact like the others: false, made true, made false, and
// made false again.
func TestServiceIsAFact(t *testing.T) {
	k := newKernel(t)
	for _, s := range services() {
		t.Run(s.String(), func(t *testing.T) {
			if d := diff(t, k, s); d != s.String()+" does not run" {
				t.Errorf("before: %q", d)
			}
			if err := s.Do(k); err != nil {
				t.Fatal(err)
			}
			if d := diff(t, k, s); d != "" {
				t.Errorf("after: %q", d)
			}
			if s.On() != nil {
				t.Error("a service must be ended by its own hand")
			}
			for range 2 {
				if err := s.Undo(k); err != nil {
					t.Fatal(err)
				}
			}
			if d := diff(t, k, s); d == "" {
				t.Error("still true after Undo")
			}
			if _, err := os.Stat(k.Dir + "/services"); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("services directory: %v, want none", err)
			}
		})
	}
}

func TestServicesAnswer(t *testing.T) {
	k := newKernel(t)
	for _, s := range services()[:3] {
		if err := s.Do(k); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Undo(k) })
	}
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		if got := get(t, k, "http://"+host+"/any/path"); got != "200 hello\nfrom red "+strings.Trim(host, "[]") {
			t.Errorf("http %s: %q", host, got)
		}
		if got := get(t, k, "http://"+host+"/seen-as"); !strings.HasPrefix(got, "200 "+strings.Trim(host, "[]")) {
			t.Errorf("seen-as %s: %q", host, got)
		}
		for _, proto := range []string{"tcp", "udp"} {
			if got := echo(t, k, proto, host+":7"); got != "ping" {
				t.Errorf("%s echo %s: %q", proto, host, got)
			}
		}
	}
}

// dial connects from red: a literal address and a socket that is made on the
// goroutine's own thread.
func dial(t *testing.T, k *op.Kernel, proto, addr string) net.Conn {
	t.Helper()
	return dialFrom(t, k, "red", proto, addr)
}

func dialFrom(t *testing.T, k *op.Kernel, ns, proto, addr string) net.Conn {
	t.Helper()
	var c net.Conn
	err := k.Inside(ns, func() (err error) {
		c, err = (&net.Dialer{Timeout: 5 * time.Second, FallbackDelay: -1}).DialContext(t.Context(), proto, addr)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t *testing.T, k *op.Kernel, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, k, "tcp", req.URL.Host+":80")
	defer c.Close()
	req.Close = true
	if err := req.Write(c); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(answer), "\r\n\r\n")
	_, seen, _ := strings.Cut(head, "X-Nslab-Seen-As: ")
	seen, _, _ = strings.Cut(seen, "\r\n")
	return strings.Fields(head)[1] + " " + body + " " + seen
}

func echo(t *testing.T, k *op.Kernel, proto, addr string) string {
	t.Helper()
	c := dial(t, k, proto, addr)
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4)
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPortTaken(t *testing.T) {
	k := newKernel(t)
	first := op.Service{NS: "red", Kind: "http", Port: 80}
	if err := first.Do(k); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = first.Undo(k) })
	err := op.Service{NS: "red", Kind: "tcp-echo", Port: 80}.Do(k)
	pid := pidOf(t, k, "red-http-80")
	if want := fmt.Sprintf("port 80 in red is taken: process %s (", pid); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	if !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("%v does not wrap EADDRINUSE", err)
	}
	if err := (op.Service{NS: "red", Kind: "udp-echo", Port: 80}).Do(k); err != nil {
		t.Errorf("the same port of UDP: %v", err)
	}
	_ = op.Service{NS: "red", Kind: "udp-echo", Port: 80}.Undo(k)
}

func pidOf(t *testing.T, k *op.Kernel, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(k.Dir, "services", name+".pid"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(b))[0]
}
