package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/lab/op"
)

// Outcomes of the question whether a port is free.
const (
	Free  Outcome = "free"
	Taken Outcome = "taken" // the kernel's "address already in use"
)

// listen asks whether a server could listen at a port of a namespace: it binds
// a socket, which nobody can connect to, and lets it go.
type listen struct {
	in    string
	proto string // tcp or udp
	addr  netip.Addr
	port  uint16
}

func readListen(r *reader) []Probe {
	p := listen{in: r.place("in"), proto: "tcp", addr: netip.IPv6Unspecified()}
	w := r.Required("at", "80")
	where, proto, said := strings.Cut(w.Text, "/")
	if said {
		p.proto = proto
	}
	port := where
	if i := strings.LastIndexByte(where, ':'); i >= 0 {
		var err error
		port = where[i+1:]
		if p.addr, err = netip.ParseAddr(strings.Trim(where[:i], "[]")); err != nil {
			r.Complain(w.Pos, "want a port such as 80, 53/udp or 127.0.0.1:8080, found %q", w.Text)
		}
	}
	var err error
	if p.port, err = readPort(port); err != nil && w.Text != "" {
		r.Complain(w.Pos, "%v", err)
	}
	if p.proto != "tcp" && p.proto != "udp" {
		r.Complain(w.Pos, "%q: the protocol must be tcp or udp", w.Text)
	}
	return []Probe{p}
}

func (p listen) Ask(ctx context.Context, k *op.Kernel) Answer { return alone(ctx, k, p) }

func (p listen) ask(_ context.Context, r *rig, _ patience) Answer {
	err := r.inside(p.in, p.bind)
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return Answer{Outcome: Taken, Text: fmt.Sprintf("bind %s in %s: %v", p.at(), p.in, err)}
	case err != nil:
		return broken(fmt.Errorf("bind %s in %s: %w", p.at(), p.in, err))
	}
	return Answer{Outcome: Free, Text: fmt.Sprintf("%s in %s can be had", p.at(), p.in)}
}

// bind is what comes before listen(2). SO_REUSEADDR is what every server sets:
// what is left of old connections does not count.
func (p listen) bind() error {
	domain, typ := unix.AF_INET6, unix.SOCK_STREAM
	if p.addr.Is4() {
		domain = unix.AF_INET
	}
	if p.proto == "udp" {
		typ = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(domain, typ|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EAFNOSUPPORT) && p.addr == netip.IPv6Unspecified() {
		p.addr = netip.IPv4Unspecified()
		return p.bind()
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if typ == unix.SOCK_STREAM {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return err
		}
	}
	return unix.Bind(fd, sockaddr(netip.AddrPortFrom(p.addr, p.port)))
}

// at is the port in words: "TCP port 80", "127.0.0.1:8080".
func (p listen) at() string {
	if p.addr.IsUnspecified() {
		return strings.ToUpper(p.proto) + " port " + strconv.Itoa(int(p.port))
	}
	return strings.ToUpper(p.proto) + " " + netip.AddrPortFrom(p.addr, p.port).String()
}

func (p listen) Command() op.Command {
	words := []string{"nc", "-l"}
	if p.proto == "udp" {
		words = append(words, "-u")
	}
	if !p.addr.IsUnspecified() {
		words = append(words, "-s", p.addr.String())
	}
	return inside(p.in, append(words, "-p", strconv.Itoa(int(p.port)))...)
}

func (p listen) String() string { return "a server can have " + p.at() + " in " + p.in }

func (p listen) Nodes() []string { return []string{p.in} }
