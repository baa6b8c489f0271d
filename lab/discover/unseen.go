package discover

import (
	"strings"

	"nslab/topology"
)

// onlyRoot is why an ordinary user does not see the rules of a namespace.
const onlyRoot = "only root may read them"

// NotSeen says what could not be looked at, each reason once, a line each.
func (m *Machine) NotSeen() []string {
	var out, reasons []string
	for _, u := range m.Unseen {
		out = append(out, "not seen: "+plainLine(u))
	}
	where := map[string][]string{}
	for _, n := range m.Namespaces {
		for _, u := range n.Unseen {
			if where[u] == nil {
				reasons = append(reasons, u)
			}
			where[u] = append(where[u], n.Name)
		}
	}
	for _, r := range reasons {
		out = append(out, "not seen in "+strings.Join(where[r], ", ")+": "+plainLine(r))
	}
	return out
}

func plainLine(s string) string { return topology.Printable(strings.ReplaceAll(s, "\n", ": ")) }
