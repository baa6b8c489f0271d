package discover

import (
	"fmt"
	"slices"
	"strings"

	"nslab/topology"
)

// nameLines write the files by which a namespace knows names. One that shares
// the network of another has no address of its own to be called by.
func (d *draft) nameLines(n *Namespace, name string, f Files) []string {
	var out, hosts, linked []string
	hostname := ""
	if name == n.Name {
		hostname = n.hostname()
	}
	known := map[string]bool{}
	for _, l := range f.Hosts {
		if link := d.linkOf(n, l); link != "" && name == n.Name {
			if !slices.Contains(linked, link) { // one for each address of the other
				linked = append(linked, link)
			}
			continue
		}
		for _, h := range l.Names {
			switch low := strings.ToLower(h); {
			case h == hostname && n.has(l.Address):
			case known[low] || topology.HostNameProblem(h) != "":
				d.skip("a name in the hosts of %s: %s %s", name, l.Address, topology.Quote(h))
			default:
				known[low] = true
				hosts = append(hosts, fmt.Sprintf("%q: %q", h, l.Address))
			}
		}
	}
	if hostname != "" {
		out = append(out, "  hostname: "+quoted(hostname))
	}
	if len(linked) > 0 {
		out = append(out, "  link: ["+strings.Join(linked, ", ")+"]")
	}
	if len(hosts) > 0 || f.OwnHosts && hostname == "" && len(linked) == 0 {
		out = append(out, "  hosts: {"+strings.Join(hosts, ", ")+"}")
	}
	return append(out, d.resolvLine(name, f)...)
}

// hostname is the name that a namespace has for itself, as Docker writes it:
// the last line of its hosts file, with its own address.
func (n *Namespace) hostname() string {
	if len(n.Files.Hosts) == 0 {
		return ""
	}
	last := n.Files.Hosts[len(n.Files.Hosts)-1]
	if len(last.Names) != 1 || !n.has(last.Address) || topology.HostNameProblem(last.Names[0]) != "" {
		return ""
	}
	return last.Names[0]
}

// linkOf reads a line that `docker run --link` writes: an alias, and the names
// that the other one has anyway.
func (d *draft) linkOf(n *Namespace, l HostLine) string {
	alias := l.Names[0]
	for _, to := range d.Namespaces[1:] {
		if to == n || !to.has(l.Address) {
			continue
		}
		names := slices.DeleteFunc([]string{to.hostname(), to.Name}, func(s string) bool { return s == "" || s == alias })
		names = slices.Compact(names)
		switch {
		case topology.HostNameProblem(alias) != "" || !slices.Equal(names, l.Names[1:]):
		case alias == to.Name:
			return alias
		default:
			return quoted(to.Name + ":" + alias)
		}
	}
	return ""
}

func (d *draft) resolvLine(name string, f Files) []string {
	var keys, servers []string
	for _, a := range f.Nameservers {
		servers = append(servers, quoted(a.String()))
	}
	valid := func(words []string, problem func(string) string) []string {
		var out []string
		for _, w := range words {
			if problem(w) == "" {
				out = append(out, quoted(w))
			} else {
				d.skip("a word in the resolv.conf of %s: %s", name, topology.Quote(w))
			}
		}
		return out
	}
	for _, k := range []struct {
		key   string
		words []string
	}{
		{"nameservers", servers[:min(len(servers), maxServers)]},
		{"search", valid(f.Search, topology.HostNameProblem)},
		{"options", valid(f.Options, topology.ResolvOptionProblem)},
	} {
		if len(k.words) > 0 {
			keys = append(keys, k.key+": ["+strings.Join(k.words, ", ")+"]")
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return []string{"  resolv: {" + strings.Join(keys, ", ") + "}"}
}

const maxServers = 3 // that a resolver asks, resolv.conf(5)
