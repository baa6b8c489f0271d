package serve

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
)

// proxyProgram is both a kind and the name under which its process is seen.
const proxyProgram = "docker-proxy"

// Asked returns what a process that was started with argv is to serve, for
// Main. A proxy is known by its name alone: its arguments are Docker's.
func Asked(argv []string) (args []string, ok bool) {
	switch {
	case len(argv) > 0 && argv[0] == proxyProgram:
		return argv, true
	case len(argv) > 1 && argv[1] == "serve":
		return argv[2:], true
	}
	return nil, false
}

// proxy hands on what is sent to one address to another.
type proxy struct{ proto, from, to string }

// serveProxy is Docker's userland proxy: args are those of docker-proxy.
func serveProxy(ctx context.Context, args []string, ready func()) error {
	p, err := readProxy(args)
	if err != nil {
		return err
	}
	_ = os.WriteFile("/proc/self/comm", []byte(proxyProgram), 0) // what ss(8) shows; a name is all it is
	if strings.HasPrefix(p.proto, "udp") {
		return p.udp(ctx, ready)
	}
	return p.tcp(ctx, ready)
}

func readProxy(args []string) (p proxy, err error) {
	f := flag.NewFlagSet(proxyProgram, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	var hostIP, toIP string
	var hostPort, toPort uint
	f.StringVar(&p.proto, "proto", "tcp", "")
	f.StringVar(&hostIP, "host-ip", "", "")
	f.UintVar(&hostPort, "host-port", 0, "")
	f.StringVar(&toIP, "container-ip", "", "")
	f.UintVar(&toPort, "container-port", 0, "")
	if err := f.Parse(args); err != nil {
		return p, err
	}
	ip := net.ParseIP(hostIP)
	switch {
	case ip == nil || net.ParseIP(toIP) == nil:
		return p, fmt.Errorf("want two addresses, found -host-ip %q and -container-ip %q", hostIP, toIP)
	case p.proto != "tcp" && p.proto != "udp":
		return p, fmt.Errorf("want -proto tcp or udp, found %q", p.proto)
	}
	p.proto += map[bool]string{true: "4", false: "6"}[ip.To4() != nil]
	p.from = net.JoinHostPort(hostIP, strconv.FormatUint(uint64(hostPort), 10))
	p.to = net.JoinHostPort(toIP, strconv.FormatUint(uint64(toPort), 10))
	return p, nil
}

func (p proxy) tcp(ctx context.Context, ready func()) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, p.proto, p.from)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	ready()
	for {
		c, err := l.Accept()
		if err != nil {
			return unlessOver(ctx, err)
		}
		go p.serve(ctx, c)
	}
}

// serve connects a client with the far side, until both have said all.
func (p proxy) serve(ctx context.Context, client net.Conn) {
	defer client.Close()
	far, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.to)
	if err != nil {
		return // the client sees its connection closed, as with Docker
	}
	defer far.Close()
	done := make(chan bool)
	go func() { pour(far, client); done <- true }()
	pour(client, far)
	<-done
}

// pour copies until the source has no more, and says so to the other side,
// which may still have something to say. Either may break off at any time.
func pour(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
