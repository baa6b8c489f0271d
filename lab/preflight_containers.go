package lab

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"nslab/lab/op"
	"nslab/topology"
)

// Where container runtimes write down their networks, see cni.dev (host-local)
// and podman-network(1).
var networkDirs = []string{"/etc/cni/net.d", "/etc/containers/networks"}

// leases has a directory for each network of host-local, and in it a file for
// each address that is given away.
const leases = "/var/lib/cni/networks"

// reservation is a network, or an address, that belongs to containers, though
// no interface here may have it just now.
type reservation struct {
	to      netip.Prefix
	network string // of a lease
	file    string
}

func readReservations(dirs []string, leases string) []reservation {
	var out []reservation
	for _, dir := range dirs {
		files, _ := os.ReadDir(dir) // none: no networks
		for _, f := range files {
			if slices.Contains([]string{".conf", ".conflist", ".json"}, filepath.Ext(f.Name())) {
				out = append(out, subnets(filepath.Join(dir, f.Name()))...)
			}
		}
	}
	files, _ := filepath.Glob(leases + "/*/*")
	for _, file := range files {
		if a, err := netip.ParseAddr(filepath.Base(file)); err == nil {
			out = append(out, reservation{netip.PrefixFrom(a, a.BitLen()), filepath.Base(filepath.Dir(file)), file})
		}
	}
	return out
}

// subnets finds every "subnet" of a configuration, wherever it stands in it.
func subnets(file string) []reservation {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	var conf any
	if json.Unmarshal(text, &conf) != nil {
		return nil // the runtime cannot read it either
	}
	var out []reservation
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			if text, ok := v["subnet"].(string); ok {
				if p, err := netip.ParsePrefix(text); err == nil {
					out = append(out, reservation{to: p.Masked(), file: file})
				}
			}
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(conf)
	return out
}

// reserved refuses a network that container runtimes give addresses of.
func (m *machine) reserved(w wanted, pos topology.Pos, p netip.Prefix) *Collision {
	for _, r := range m.reservations {
		switch {
		case !r.to.Overlaps(p.Masked()) || w.attaches(r.network):
		case r.network == "":
			return &Collision{
				pos, fmt.Sprintf("%s overlaps %s, of which containers get addresses (%s)", p.Masked(), r.to, r.file),
				[]string{"choose another network, such as " + m.freeNetwork(p).String(), inSandbox},
			}
		default:
			return &Collision{
				pos, fmt.Sprintf("%s holds %s, which host-local keeps for a container of the network %s", p.Masked(), r.to.Addr(), r.network),
				[]string{"choose another network, such as " + m.freeNetwork(p).String(), "rm " + r.file + ", if that container is gone", inSandbox},
			}
		}
	}
	return nil
}

// attaches says whether a network of CNI is the lab's own.
func (w wanted) attaches(network string) bool {
	for _, s := range w.facts {
		if a, ok := s.Op.(op.CNI); ok && network != "" && a.Network == network {
			return true
		}
	}
	return false
}

// makers know bridges by the names that they give; help shows whether
// somebody still needs one.
var makers = []struct{ prefix, name, help string }{
	{"cni-podman", "podman", "podman network ls shows whose it is"},
	{"podman", "podman", "podman network ls shows whose it is"},
	{"cni", "container runtimes (CNI)", "ip link del NAME, if no container is left that is plugged into it"},
	{"flannel", "flannel (CNI)", "ip link del NAME, if no container is left"},
	{"docker", "Docker", "docker network ls shows whose it is"},
	{"br-", "Docker", "docker network ls shows whose it is"},
	{"virbr", "libvirt", "virsh net-list shows whose it is"},
	{"lxcbr", "LXC", "lxc-ls --active shows who uses it"},
	{"lxdbr", "LXD", "lxc network list shows whose it is"},
	{"incusbr", "Incus", "incus network list shows whose it is"},
}

// maker says who gives such a name to what he makes, and what to do about it.
func maker(name string) (who, help string) {
	for _, b := range makers {
		if strings.HasPrefix(name, b.prefix) {
			return b.name, strings.ReplaceAll(b.help, "NAME", name)
		}
	}
	return "", ""
}
