package topology

import (
	"slices"
	"strings"
)

// maxFilter is how many items `filter` may come to.
const maxFilter = 256

// ChainItems are the items of `nat` and `filter` that name a chain, in the
// order of the file.
func (s *State) ChainItems() []Filter {
	var out []Filter
	for _, n := range s.NAT {
		if n.Kind.Text == "chain" {
			out = append(out, Filter{Rule: n.Rule, In: n.In, Outside: n.Outside, Pos: n.Pos})
		}
	}
	return append(out, s.Filter...)
}

// home is the chain that an item is about, as a key.
func (f Filter) home() Filter {
	return Filter{In: Word{Text: f.In.Text}, Rule: Rule{Table: f.Rule.Table, Chain: f.Rule.Chain, IPv6: f.Rule.IPv6}}
}

// written is an item as `remove` names it: the rule behind `iptables -A`.
func (f Filter) written() string {
	switch {
	case f.Policy != "":
		return f.Rule.Chain + " policy"
	case f.Rule.Target == "":
		return f.Rule.Chain
	}
	return f.Rule.Chain + " " + strings.Join(f.Rule.Words(), " ")
}

// checkFilter looks at the chains, and the rules that lead from one to another.
func (w *world) checkFilter(v *view) {
	if n := len(w.Filter); n > maxFilter {
		w.wrong(w.Filter[maxFilter].Pos, "the lab has %d rules, the limit is %d", n, maxFilter)
	}
	items := w.ChainItems()
	made, leads, first := map[Filter]bool{}, map[Filter][]Filter{}, map[Filter]Pos{}
	for _, f := range items {
		made[f.home()] = true
		same := f
		same.Pos, same.In.Pos = Pos{}, Pos{}
		if other, taken := first[same]; taken && other != f.Pos {
			w.wrong(f.Pos, "%s is already there (%s)", f.written(), near(other, f.Pos))
		} else if !taken {
			first[same] = f.Pos
		}
		w.checkRuleDev(v, f.In.Text, f.Pos, f.Rule.InDev, "in-dev")
		w.checkRuleDev(v, f.In.Text, f.Pos, f.Rule.OutDev, "out-dev")
	}
	for _, f := range items {
		if to, ok := w.leadsTo(f, items, made); ok {
			leads[f.home()] = append(leads[f.home()], to)
			if reaches(leads, to, f.home(), map[Filter]bool{}) {
				w.wrong(f.Pos, "%s leads back to itself: the kernel refuses rules that go in a circle", f.Rule.Chain)
			}
		}
	}
}

// leadsTo is the chain that a rule leads to, if it does and there is one.
func (w *world) leadsTo(f Filter, items []Filter, made map[Filter]bool) (to Filter, ok bool) {
	if f.Rule.Target == "" || slices.Contains(targets[f.Rule.Table], f.Rule.Target) {
		return to, false
	}
	to = f.home()
	to.Rule.Chain = f.Rule.Target
	if made[to] {
		return to, true
	}
	known := slices.Clone(targets[f.Rule.Table])
	for _, other := range items {
		h := other.home()
		name := h.Rule.Chain
		h.Rule.Chain = to.Rule.Chain
		if h == to && !BuiltinChain(h.Rule.Table, name) && !slices.Contains(known, name) {
			known = append(known, name)
		}
	}
	w.onceAt(f.Pos, at(w.paths[f.Pos], "target"), "%s; {chain: %s} alone makes an empty chain",
		Unknown("target of table "+f.Rule.Table, f.Rule.Target, known), cut(f.Rule.Target))
	return to, false
}

// reaches says whether rules lead from one chain to another.
func reaches(leads map[Filter][]Filter, from, to Filter, seen map[Filter]bool) bool {
	if from == to {
		return true
	}
	seen[from] = true
	return slices.ContainsFunc(leads[from], func(next Filter) bool { return !seen[next] && reaches(leads, next, to, seen) })
}

// addFilter adds an item; a policy takes the place of the one before.
func (w *world) addFilter(f Filter) {
	f.Outside = f.Outside || w.isOutside(f.In.Text)
	i := slices.IndexFunc(w.Filter, func(have Filter) bool {
		return f.Policy != "" && have.Policy != "" && have.home() == f.home()
	})
	if i >= 0 && w.Filter[i].Policy != f.Policy {
		w.Filter[i] = f
		return
	}
	w.Filter = append(w.Filter, f)
}

func (w *world) dropFilter(f []string) bool {
	n := len(w.Filter)
	w.Filter = slices.DeleteFunc(w.Filter, func(x Filter) bool { return x.written() == strings.Join(f, " ") })
	return len(w.Filter) < n
}

func (w *world) knownFilter() []string {
	var out []string
	for _, f := range w.Filter {
		out = append(out, f.written())
	}
	return out
}
