package op

import (
	"context"
	"slices"
)

// Together makes new facts true as one Do after another would, in far fewer
// system calls, and in the order that costs the kernel least. It is an
// acceleration and no more: who skips this file misses nothing of what facts
// mean.
//
// First come the namespaces, each with the interfaces that have waited for it, or
// all of them with their settings; then all that is set on interfaces, one
// namespace after the other. Nothing is asked of an interface before the kernel
// has said that it is ours. Rules come at the end, those of a table in one transaction.
//
// made says what has become true. err is about the fact number failed, or that
// ctx has ended, and failed is -1.
func Together(ctx context.Context, k *Kernel, facts []Op, by Hands) (made []bool, failed int, err error) {
	made = make([]bool, len(facts))
	defer k.ahead(facts)()
	for _, group := range crowds(facts) {
		if err := ctx.Err(); err != nil {
			return made, -1, err
		}
		for n, refused := range k.makeAll(group, by) {
			f := group[n]
			if refused {
				if err := by.Alone(f.Op); err != nil {
					return made, f.number, err
				}
			}
			made[f.number] = true
		}
	}
	return made, -1, nil
}

// Hands are what Together leaves to others.
type Hands struct {
	// Alone makes what was refused in the crowd by its own Do, or says why that
	// does not go either.
	Alone func(Op) error
	// Remember keeps what was before facts.
	Remember func(facts []Op, was []string) error
}

// CanJoin says whether a fact can be made together with others.
func CanJoin(o Op) bool {
	switch o := o.(type) {
	case Namespace, wired, ruled:
		return true
	case Sysctl:
		return o.early()
	}
	return false
}

func (k *Kernel) makeAll(group []numbered, by Hands) (refused []bool) {
	switch group[0].Op.(type) {
	case ruled:
		return k.addAll(group, by)
	case Sysctl:
		return k.setAll(group, by)
	}
	return k.askAll(group)
}

// ahead announces the namespaces among the facts.
func (k *Kernel) ahead(facts []Op) (stop func()) {
	if k.session == nil {
		return func() {}
	}
	n := 0
	for _, o := range facts {
		if _, ok := o.(Namespace); ok {
			n++
		}
	}
	return k.session.thread.Ahead(n)
}

// numbered is a fact and its place in the plan.
type numbered struct {
	Op
	number int
}

// crowds are the facts in the order of making. Each group is of one namespace,
// but for the settings.
func crowds(facts []Op) (out [][]numbered) {
	var rooms, settings, links, rest, rules []numbered
	for i, o := range facts {
		f := numbered{o, i}
		switch o.(type) {
		case Namespace:
			rooms = append(rooms, f)
		case Sysctl:
			settings = append(settings, f)
		case Maker:
			links = append(links, f)
		case ruled:
			rules = append(rules, f)
		default:
			rest = append(rest, f)
		}
	}
	return slices.Concat(furnished(rooms, settings, links), switchesLast(byNamespace(rest)), byTable(rules))
}

// furnished has each namespace followed by the interfaces that have waited for
// it: while they are made, another thread makes the next namespace. Where there
// are settings, which come between the two, all namespaces come first.
func furnished(rooms, settings, links []numbered) (out [][]numbered) {
	if settings != nil {
		alone := slices.Collect(slices.Chunk(rooms, 1))
		return slices.Concat(alone, [][]numbered{settings}, byNamespace(links))
	}
	behind := behindRooms(rooms, links)
	out = byNamespace(behind[0])
	for i, f := range rooms {
		out = append(append(out, []numbered{f}), byNamespace(behind[i+1])...)
	}
	return out
}

// behindRooms sorts interfaces by how many of the namespaces have to be there
// first.
func behindRooms(rooms, links []numbered) [][]numbered {
	behind := make([][]numbered, len(rooms)+1)
	first := map[Object]int{} // as many as an object waits for
	for i, f := range rooms {
		first[NetNS(f.Op.(Namespace).Name)] = i + 1
	}
	for _, f := range links {
		n := 0
		for _, o := range f.On() {
			n = max(n, first[o])
		}
		for _, o := range f.Op.(Maker).Makes() {
			first[o] = n
		}
		behind[n] = append(behind[n], f)
	}
	return behind
}

// byNamespace puts facts of the same namespace together. They keep their order.
func byNamespace(facts []numbered) [][]numbered {
	return grouped(facts, func(f numbered) string { return f.Op.(wired).at() })
}

// grouped puts facts of the same key together. They keep their order.
func grouped[K comparable](facts []numbered, key func(numbered) K) (out [][]numbered) {
	at := map[K]int{}
	for _, f := range facts {
		i, known := at[key(f)]
		if !known {
			i = len(out)
			at[key(f)], out = i, append(out, nil)
		}
		out[i] = append(out[i], f)
	}
	return out
}

// switchesLast puts the namespaces that have switches behind the others, and
// has each switch switched on when all its ports are in and on: for each port
// that comes to a switch that is on, the kernel goes through all the others.
func switchesLast(groups [][]numbered) [][]numbered {
	var plain, switched [][]numbered
	for _, group := range groups {
		switches := map[Object]bool{}
		for _, f := range group {
			if m, ok := f.Op.(Master); ok {
				switches[Dev(m.NS, m.Bridge)] = true
			}
		}
		if len(switches) == 0 {
			plain = append(plain, group)
			continue
		}
		slices.SortStableFunc(group, func(a, b numbered) int { return turn(a.Op, switches) - turn(b.Op, switches) })
		switched = append(switched, group)
	}
	return append(plain, switched...)
}

// turn is when a fact has its turn in a namespace with switches.
func turn(o Op, switches map[Object]bool) int {
	switch o := o.(type) {
	case Route: // leads through an interface that is up
		return 2
	case Up:
		if switches[Dev(o.NS, o.Dev)] {
			return 1
		}
	}
	return 0
}

// askAll makes the facts of a group with one list of requests, as far as there
// are requests for them, and says which of them that has not made true.
func (k *Kernel) askAll(group []numbered) []bool {
	refused := make([]bool, len(group))
	var ns string
	var rs []request
	var whose []int
	for n, f := range group {
		w, ok := f.Op.(wired)
		if !ok {
			refused[n] = true
			continue
		}
		some, err := w.requests(k)
		if err != nil {
			refused[n] = true
			continue
		}
		ns = w.at()
		for _, r := range some {
			rs, whose = append(rs, r), append(whose, n)
		}
	}
	for i, err := range k.sendAll(ns, rs) {
		if err != nil {
			refused[whose[i]] = true
		}
	}
	return refused
}
