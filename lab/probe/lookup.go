package probe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/lab/op"
	"nslab/topology"
)

// lookUp finds the addresses of a name the way a program in the namespace
// would: its hosts file first, then the name server of its resolv.conf, asked
// from inside.
func (r *rig) lookUp(ctx context.Context, ns, name string, pat patience) ([]netip.Addr, Answer) {
	hosts, path, err := etc(ns, "hosts")
	if err != nil {
		return nil, broken(err)
	}
	if found := inHosts(hosts, name); len(found) > 0 {
		return found, Answer{Outcome: Reply, Text: fmt.Sprintf("%s is %s (%s)", name, join(found), path)}
	}
	conf, path, err := etc(ns, "resolv.conf")
	if err != nil {
		return nil, broken(err)
	}
	c := readResolver(conf)
	if len(c.servers) == 0 {
		return nil, Answer{Outcome: Absent, Text: fmt.Sprintf("%s is in no hosts file of %s, and %s names no server", name, ns, path)}
	}
	return r.search(ctx, ns, c, name, pat)
}

// etc reads a file of /etc as `ip netns exec` would show it in a namespace,
// ip-netns(8). A file that does not exist is empty.
func etc(ns, file string) (text, path string, err error) {
	paths := []string{filepath.Join(op.EtcDir, ns, file), filepath.Join("/etc", file)}
	if ns == topology.Host {
		paths = paths[1:]
	}
	for _, path = range paths {
		b, err := os.ReadFile(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return string(b), path, err
		}
	}
	return "", path, nil
}

// inHosts reads hosts(5).
func inHosts(text, name string) (out []netip.Addr) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		addr, err := netip.ParseAddr(f[0])
		if err == nil && slices.ContainsFunc(f[1:], func(n string) bool { return strings.EqualFold(n, name) }) {
			out = append(out, addr)
		}
	}
	return out
}

func join(as []netip.Addr) string {
	var out []string
	for _, a := range as {
		out = append(out, a.String())
	}
	return strings.Join(out, " ")
}

// query asks a name server for both families at once.
func (r *rig) query(ctx context.Context, ns string, server netip.AddrPort, name string, pat patience) ([]netip.Addr, Answer) {
	q, err := newQuery(name)
	if err != nil {
		return nil, broken(err)
	}
	s, err := r.open(born{ns, server.Addr().Is6()}, unix.SOCK_DGRAM, 0)
	if err != nil {
		return nil, broken(err)
	}
	defer s.Close()
	if err := s.control(func(fd int) error { return unix.Connect(fd, sockaddr(server)) }); err != nil {
		return nil, unsent(ns, server.Addr(), err)
	}
	send := func() (Answer, bool) {
		for _, m := range q.messages {
			if a, ok := s.datagram(ns, server, m); ok {
				return a, ok
			}
		}
		return Answer{}, false
	}
	if a, ok := send(); ok {
		return nil, a
	}
	answers := make(chan Answer, 1)
	go func() { answers <- q.collect(s, ns, server) }()
	a := r.await(ctx, question{from: ns, to: server.Addr(), answers: answers, again: send, patience: pat})
	if a.Outcome != Reply {
		return nil, a
	}
	return q.found, a
}
