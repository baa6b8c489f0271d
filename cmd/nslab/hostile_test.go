package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/dns/dnsmessage"

	"nslab/lab/kerneltest"
	"nslab/lab/netns"
)

// asking is a lab in which red asks blue everything that a server answers.
const asking = `name: asking
host: machine
namespaces:
  red: {lo: up, resolv: {nameservers: [192.168.15.2]}}
  blue: {}
links: [{endpoints: ["red:eth0 192.168.15.1/24", "blue:eth0 192.168.15.2/24"]}]
verify:
  - {http: {from: red, to: "http://192.168.15.2/"}, expect: {status: 200, body: "hello"}}
  - {http: {from: red, to: "http://name.example/"}, expect: {status: 200, seen-as: 192.168.15.1}}
  - {translation: {from: [red, host], sport: 5000, to: "blue:80"}, expect: {ports: kept}}
  - {udp: {from: red, to: "blue:7"}}
  - {resolve: {in: red, name: name.example}, expect: {address: 10.0.0.1}}
`

// hostileAnswers are those of a web server that means no good: what comes first, and what comes
// again and again until the client has had enough.
var hostileAnswers = map[string]hostile{
	"codes in a body":    {first: "HTTP/1.1 200 OK\r\nX-Nslab-Seen-As: fe80::1%\u009b31m\r\n\r\n\x1b[2J\x1b]0;title\x07\u009b31m\u202e"},
	"codes in a header":  {first: "HTTP/1.1 200 OK\r\nX-Nslab-Seen-As: fe80::1%\x1b[31m\r\nX-Nslab-Seen-Port: 1\r\n\r\n"},
	"codes for a status": {first: "HTTP/1.1 200 \x1b[31m\r\n\x1b[2J: x\r\n\x1b[31m\r\n\r\n"},
	"no HTTP":            {first: "\x1b]0;title\x07 \x1b[31m\r\n\r\n"},
	"unasked":            {first: "\x1b]0;title\x07 \x1b[31m\r\n\r\n", unasked: true},
	"endless headers":    {first: "HTTP/1.1 200 OK\r\n", again: "a: " + strings.Repeat("\x1b", 4000) + "\r\n"},
	"endless header":     {first: "HTTP/1.1 200 OK\r\na: ", again: strings.Repeat("a", 4000)},
	"endless body":       {first: "HTTP/1.1 200 OK\r\n\r\n", again: strings.Repeat("\x1b[2J", 1000)},
	"endless beginning":  {first: "", again: strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100)},
	"a gzip bomb":        {first: "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", again: bomb()},
}

type hostile struct {
	first, again string
	unasked      bool // it does not wait for a question
}

// bomb is a megabyte of zeros in a kilobyte, which may be repeated.
func bomb() string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(make([]byte, 1<<20)) // to memory
	_ = z.Close()
	return b.String()
}

// TestHostileAnswers asks servers that want to harm who asks: no page of nslab
// has anything that a terminal obeys, in no time and memory to speak of.
func TestHostileAnswers(t *testing.T) {
	if os.Geteuid() != 0 {
		again(t)
		return
	}
	kerneltest.Need(t)
	file := filepath.Join(t.TempDir(), "asking.yaml")
	if err := os.WriteFile(file, []byte(asking), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, _, err := typed(t, "apply", "--no-verify", "-q", file); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, _, err := typed(t, "destroy", "asking"); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	for name, answer := range hostileAnswers {
		t.Run(name, func(t *testing.T) {
			serveHostile(t, answer)
			pages := [][]string{{"verify", "asking"}}
			if name == "codes in a body" {
				pages = append(pages, []string{"verify", "-o", "json", "asking"}, []string{"apply", file})
			}
			for _, args := range pages {
				begin := time.Now()
				out, used, err := typed(t, args...)
				if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
					t.Errorf("%v: %v, want a check that failed:\n%s", args, err, out)
				}
				if strings.Contains(out, "Unsolicited") {
					t.Errorf("%v: a library speaks for itself:\n%s", args, out)
				}
				if i := strings.IndexFunc(out, obeyed); i >= 0 {
					t.Errorf("%v: %q is on the screen", args, out[max(0, i-40):min(len(out), i+10)])
				}
				if took := time.Since(begin); took > time.Minute || used > 200<<10 || len(out) > 200<<10 {
					t.Errorf("%v: %v, %d KiB of memory, %d bytes of text", args, took, used, len(out))
				}
				t.Logf("%v: %d KiB of memory:\n%s", args, used, out)
			}
		})
	}
}

// obeyed says whether a terminal does something else than to show it.
func obeyed(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }

// typed runs nslab and returns what it says, and its memory in KiB.
func typed(t *testing.T, args ...string) (out string, used int64, err error) {
	t.Helper()
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: append([]string{"nslab"}, args...), Env: os.Environ()}
	b, err := cmd.CombinedOutput()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		used = usage.Maxrss
	}
	return string(b), used, err
}

// serveHostile serves in blue until the test ends.
func serveHostile(t *testing.T, h hostile) {
	t.Helper()
	blue, err := netns.Open("blue")
	if err != nil {
		t.Fatal(err)
	}
	defer blue.Close()
	var web net.Listener
	var echo, dns net.PacketConn
	ctx := context.WithoutCancel(t.Context())
	err = blue.Do(func() (err error) {
		if web, err = (&net.ListenConfig{}).Listen(ctx, "tcp4", ":80"); err != nil {
			return err
		}
		if echo, err = (&net.ListenConfig{}).ListenPacket(ctx, "udp4", ":7"); err != nil {
			return err
		}
		dns, err = (&net.ListenConfig{}).ListenPacket(ctx, "udp4", ":53")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(web.Close(), echo.Close(), dns.Close()) })
	go func() {
		for {
			c, err := web.Accept()
			if err != nil {
				return
			}
			go h.pour(c)
		}
	}()
	go echoing(echo, func([]byte) []byte { return []byte("\x1b[2J\x1b]0;title\x07") })
	go echoing(dns, misname)
}

// pour says its piece, and goes on for as long as somebody listens.
func (h hostile) pour(c net.Conn) {
	defer c.Close()
	if !h.unasked {
		if _, err := c.Read(make([]byte, 4096)); err != nil {
			return
		}
	}
	_, err := io.WriteString(c, h.first)
	for err == nil && h.again != "" {
		_, err = io.WriteString(c, h.again)
	}
}

// echoing answers every datagram.
func echoing(c net.PacketConn, how func([]byte) []byte) {
	b := make([]byte, 1500)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		_, _ = c.WriteTo(how(b[:n]), from)
	}
}

// misname says that a name is 192.168.15.2 and, beside, things that nobody has asked.
func misname(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil {
		return nil
	}
	m.Response = true
	head := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("\x1b[31m."), Class: dnsmessage.ClassINET}
	m.Answers = []dnsmessage.Resource{
		{Header: head, Body: &dnsmessage.TXTResource{TXT: []string{"\x1b[2J"}}},
		{Header: head, Body: &dnsmessage.CNAMEResource{CNAME: head.Name}},
		{Header: head, Body: &dnsmessage.AResource{A: [4]byte{192, 168, 15, 2}}},
	}
	b, _ := m.Pack() // it has just been read
	return b
}
