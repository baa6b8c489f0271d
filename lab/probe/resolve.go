package probe

import (
	"context"

	"nslab/lab/op"
)

// resolve asks what a name means to the programs of a namespace.
type resolve struct{ in, name string }

func readResolve(r *reader) []Probe {
	return []Probe{resolve{r.place("in"), r.Required("name", "web").Text}}
}

func (p resolve) Ask(ctx context.Context, k *op.Kernel) Answer { return alone(ctx, k, p) }

func (p resolve) ask(ctx context.Context, r *rig, pat patience) Answer {
	release, err := r.slot(ctx)
	if err != nil {
		return broken(err)
	}
	defer release()
	found, a := r.lookUp(ctx, p.in, p.name, pat)
	a.Data = map[string]string{"address": join(found)}
	return a
}

func (p resolve) Command() op.Command { return inside(p.in, "getent", "ahosts", p.name) }

func (p resolve) String() string { return p.in + " knows the name " + p.name }

func (p resolve) Nodes() []string { return []string{p.in} }
