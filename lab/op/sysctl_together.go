package op

import (
	"strings"

	"nslab/topology"
)

// early says whether a setting means the same before the interfaces of its
// namespace are made as behind them: it is one of the protocol IP as a whole, and
// what the kernel changes along with it (see along) new interfaces are born with.
func (s Sysctl) early() bool {
	return s.NS != topology.Host && !s.Optional && strings.HasPrefix(s.Key, "net.ipv4.ip_")
}

// setAll makes settings true, and says which of them it has not. Each namespace
// is entered once, and what was before is written down for all of them at once.
func (k *Kernel) setAll(group []numbered, by Hands) (refused []bool) {
	refused = make([]bool, len(group))
	err := k.rememberAll(group, by) // who makes the others alone is told why not
	at := make([]numbered, len(group))
	for n, f := range group {
		refused[n], at[n] = true, numbered{f.Op, n}
	}
	if err != nil {
		return refused
	}
	for _, room := range grouped(at, func(f numbered) string { return f.Op.(Sysctl).NS }) {
		_ = k.Inside(room[0].Op.(Sysctl).NS, func() error {
			for _, f := range room {
				s := f.Op.(Sysctl)
				refused[f.number] = writeFile(k, s.path(), s.Value) != nil
			}
			return nil
		})
	}
	return refused
}

func (k *Kernel) rememberAll(group []numbered, by Hands) error {
	var facts []Op
	var words []string
	for _, f := range group {
		was, err := f.Op.(Sysctl).Before(k)
		if err != nil {
			return err
		}
		facts, words = append(facts, f.Op), append(words, was)
	}
	return by.Remember(facts, words)
}

// born is the namespaces that a session has made and not touched since: no
// interface is in them but lo, and no setting was written. All of them have the
// settings that the kernel makes namespaces with, some of them copies of the
// host's, so what was read in one of them is true of all. To open a file of
// /proc/sys takes the kernel the longer the more namespaces there are.
type born struct {
	names map[string]bool
	with  map[string]string // what Sysctl.Before says, by the path of the setting
}

func newBorn() born { return born{map[string]bool{}, map[string]string{}} }

func (b born) clear() {
	clear(b.names)
	clear(b.with)
}

func (k *Kernel) bornWith(s Sysctl) (was string, known bool) {
	if k.session == nil || !k.session.born.names[s.NS] {
		return "", false
	}
	was, known = k.session.born.with[s.path()]
	return was, known
}

func (k *Kernel) seeBorn(s Sysctl, was string) {
	if k.session != nil && k.session.born.names[s.NS] {
		k.session.born.with[s.path()] = was
	}
}
