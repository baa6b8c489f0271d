package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"nslab/lab/op"
	"nslab/topology"
)

// port refuses to lead a port away that somebody uses here.
func (m *machine) port(w wanted, s Step) *Collision {
	o, ok := leads(s.Op)
	if !ok || o.NS != topology.Host || w.made[o.InDev] || !m.arrives(o) {
		return nil
	}
	cures := []string{"choose another port, such as " + fmt.Sprintf("%d/%s", m.freePort(o), o.Proto), inSandbox}
	what := fmt.Sprintf("port %d/%s", o.Port, o.Proto)
	if o.Proto == "tcp" && m.ssh.port != 0 && o.Port == m.ssh.port {
		return &Collision{s.Pos, what + " is how you are logged in here (SSH_CONNECTION): you would be cut off", cures}
	}
	if l, ok := m.listener(o.Proto, o.Port); ok && !w.serves(o.Port) {
		return &Collision{s.Pos, fmt.Sprintf("something on this machine listens on %s (%s), and nobody would reach it any more", what, l.addr), cures}
	}
	for _, d := range m.forwards {
		if d.port == o.Port && (d.proto == o.Proto || d.proto == "") {
			return &Collision{s.Pos, fmt.Sprintf("%s is led elsewhere already on this machine, by a rule in %s", what, d.where), cures}
		}
	}
	return nil
}

// arrives says whether what this machine receives, or sends to itself, meets the rule.
func (m *machine) arrives(o op.DNAT) bool {
	return !o.Dest.IsValid() || slices.Contains(m.addresses, o.Dest)
}

func (m *machine) listener(proto string, port uint16) (socket, bool) {
	if m.listen != nil { // long lists of connections are read for it
		m.listening, m.listen = m.listen(), nil
	}
	for _, l := range m.listening {
		if l.proto == proto && l.port == port && !l.addr.IsLoopback() {
			return l, true
		}
	}
	return socket{}, false
}

// serves says whether the lab itself has something on the host that listens on the port.
func (w wanted) serves(port uint16) bool {
	for _, s := range w.facts {
		switch o := s.Op.(type) {
		case op.Service:
			if o.NS == topology.Host && o.Port == int(port) {
				return true
			}
		case op.Proxy:
			if o.NS == topology.Host && o.HostPort == port && w.has[o] {
				return true
			}
		}
	}
	return false
}

func (m *machine) freePort(o op.DNAT) uint16 {
	const first = 8080
	for p := uint16(first); p < first+100; p++ {
		if _, used := m.listener(o.Proto, p); !used && p != o.Port {
			return p
		}
	}
	return first
}

// socket is one that waits for clients.
type socket struct {
	proto string
	addr  netip.Addr
	port  uint16
}

// login is the SSH connection that we are used over; zero when there is none.
type login struct {
	client netip.Addr
	port   uint16 // of this machine
}

// parseLogin reads SSH_CONNECTION ("client port server port") or SSH_CLIENT
// ("client port port"), see ssh(1).
func parseLogin(connection, client string) login {
	f := strings.Fields(connection)
	if len(f) < 4 {
		f = strings.Fields(client)
	}
	if len(f) < 3 {
		return login{}
	}
	var l login
	if a, err := netip.ParseAddr(f[0]); err == nil {
		l.client = a.Unmap().WithZone("")
	}
	_, _ = fmt.Sscanf(f[len(f)-1], "%d", &l.port) // else 0: unknown
	return l
}
