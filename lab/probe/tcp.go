package probe

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"

	"nslab/lab/op"
)

// tcp asks for a handshake.
type tcp struct {
	from string
	to   target
	port uint16
}

func readTCP(r *reader) []Probe {
	from := r.place("from")
	to, port := r.service(from, "to")
	return []Probe{tcp{from, to, port}}
}

func (p tcp) Ask(ctx context.Context, k *op.Kernel) Answer { return alone(ctx, k, p) }

func (p tcp) ask(ctx context.Context, r *rig, pat patience) Answer {
	release, err := r.slot(ctx)
	if err != nil {
		return broken(err)
	}
	defer release()
	s, a := r.dial(ctx, p.from, p.at(), pat)
	if s != nil {
		s.Close()
	}
	return a
}

func (p tcp) at() netip.AddrPort { return netip.AddrPortFrom(p.to.addr, p.port) }

func (p tcp) Command() op.Command {
	return inside(p.from, "nc", "-z", "-v", "-w1", p.to.addr.String(), strconv.Itoa(int(p.port)))
}

func (p tcp) String() string {
	return fmt.Sprintf("%s reaches TCP port %d of %s", p.from, p.port, p.to)
}

func (p tcp) Nodes() []string { return p.to.nodes(p.from) }
