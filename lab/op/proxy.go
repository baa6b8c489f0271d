package op

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// ProxyProgram is how a userland proxy is called in a list of processes.
const ProxyProgram = "docker-proxy"

// Proxy is the fact that a process on the host takes what is sent to a port
// and hands it on: Docker's userland proxy, for whom the rules of iptables do
// not help, such as the host itself at 127.0.0.1.
type Proxy struct {
	NS       string // where it listens
	Proto    string // tcp or udp
	HostIP   netip.Addr
	HostPort uint16
	To       netip.AddrPort
}

// argv is what Docker calls its own with, word for word.
func (p Proxy) argv() []string {
	port := func(n uint16) string { return strconv.Itoa(int(n)) }
	return []string{
		ProxyProgram, "-proto", p.Proto, "-host-ip", p.HostIP.String(), "-host-port", port(p.HostPort),
		"-container-ip", p.To.Addr().String(), "-container-port", port(p.To.Port()),
	}
}

// service is the process, started and ended as every service is.
func (p Proxy) service() Service {
	argv, _ := json.Marshal(p.argv()) // strings always marshal
	return Service{NS: p.NS, Kind: ProxyProgram, Argv: string(argv)}
}

// Do starts the process and waits until it answers.
func (p Proxy) Do(k *Kernel) error {
	if p.moot() {
		return nil
	}
	return p.service().Do(k)
}

// Undo ends the process.
func (p Proxy) Undo(k *Kernel) error { return p.service().Undo(k) }

// moot says that there is nothing to listen at: a kernel without IPv6 has
// nobody who could ask. Docker leaves that proxy out as well.
func (p Proxy) moot() bool {
	_, err := os.Stat("/proc/net/if_inet6")
	return p.HostIP.Is6() && err != nil
}

// Diff asks for the process, and whether it listens.
func (p Proxy) Diff(k *Kernel) (string, error) {
	if p.moot() {
		return "", nil
	}
	if diff, err := p.service().Diff(k); diff != "" || err != nil {
		return diff, err
	}
	w, err := k.waiting(p.NS, p.Proto, func(w Waiting) bool { return w.At == netip.AddrPortFrom(p.HostIP, p.HostPort) })
	if err != nil {
		return missing("namespace "+p.NS, err)
	}
	if w == nil {
		return p.what() + " runs, but does not listen", nil
	}
	return "", nil
}

func (p Proxy) what() string {
	return fmt.Sprintf("the proxy of %s/%s %s", netip.AddrPortFrom(p.HostIP, p.HostPort), p.Proto, place(p.NS))
}

func (p Proxy) String() string { return fmt.Sprintf("%s hands on to %s", p.what(), p.To) }

// Command is a remark: a person would use socat(1).
func (p Proxy) Command() Command {
	proto := strings.ToUpper(p.Proto)
	listen := fmt.Sprintf("%s-LISTEN:%d,bind=%s,fork", proto, p.HostPort, p.HostIP)
	if p.HostIP.Is6() {
		listen = fmt.Sprintf("%s6-LISTEN:%d,bind=[%s],ipv6only,fork", proto, p.HostPort, p.HostIP)
	}
	return Remark(fmt.Sprintf("%s: nslab runs it itself; `%s` would do", p.service().words(),
		inside(p.NS, "socat", listen, fmt.Sprintf("%s:%s", proto, p.To))))
}

// Inverse is a remark as well.
func (p Proxy) Inverse() Command { return Remark("stop " + p.what()) }

// On is nothing, as of a Service.
func (p Proxy) On() []Object { return nil }
