package discover

import (
	"slices"
	"strings"

	"nslab/topology"
)

// onlyRoot is why an ordinary user does not see the rules of a namespace.
const onlyRoot = "only root may read them"

// noteOpenVSwitch says that a switch is there which the kernel knows nothing of:
// its ports stand in its own database.
func (n *Namespace) noteOpenVSwitch() {
	if slices.ContainsFunc(n.Processes, func(p Process) bool { return p.Comm == "ovs-vswitchd" }) {
		n.Unseen = append(n.Unseen, "what is plugged into Open vSwitch: ovs-vsctl show tells it")
	}
}

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
