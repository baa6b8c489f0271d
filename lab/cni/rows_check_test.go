package cni_test

import (
	"encoding/json"
	"path/filepath"
	"strings"

	"github.com/google/go-cmp/cmp"
)

func rowCheck(r *rig) {
	netns := r.container("c1")
	_, prev := r.added("c1", netns, "eth0", nil)
	r.fails(r.call("CHECK", "c1", netns, "eth0", nil), 7, "prevResult")
	r.fails(r.call("CHECK", "c1", netns, "eth1", map[string]any{"prevResult": prev}), 101, "eth1")
	r.fails(r.call("CHECK", "c2", netns, "eth0", map[string]any{"prevResult": prev}), 101)
	r.ok(r.call("DEL", "c1", netns, "eth0", nil))
	r.fails(r.call("CHECK", "c1", netns, "eth0", map[string]any{"prevResult": prev}), 101, "does not exist")
	for damage, want := range map[string]struct{ says, cure string }{
		"ip link del nsl0":                    {"nsl0 does not exist", "DEL, then ADD"},
		"ip link del $HOST":                   {"does not exist", "DEL, then ADD"},
		"ip -n c1 link set eth0 mtu 1300":     {"mtu 1300", "DEL, then ADD"},
		"ip -n c1 link set eth0 address $MAC": {"02:00:00:00:00:99", "DEL, then ADD"},
		"ip link set nsl0 down":               {"nsl0 on the host is down", "ip link set nsl0 up"},
		"ip link set $HOST nomaster":          {"is not a port of nsl0", "master nsl0"},
		"ip link set $HOST down":              {"is down", "up"},
		"ip -n c1 link set eth0 down":         {"eth0 in " + netns + " is down", "ip -n c1 link set eth0 up"},
		"ip -n c1 addr flush dev eth0":        {"does not have 10.66.0.", "ip -n c1 addr add 10.66.0."},
		"ip -n c1 route del default":          {"has no route to default", "ip -n c1 route add default via 10.66.0.1"},
		"ip addr del 10.66.0.1/24 dev nsl0":   {"does not have 10.66.0.1/24", "ip addr add 10.66.0.1/24"},
		"sysctl -qw net.ipv4.ip_forward=0":    {"net.ipv4.ip_forward", "sysctl -qw net.ipv4.ip_forward=1"},
	} {
		res, prev := r.added("c1", netns, "eth0", nil)
		check := func() answer { return r.call("CHECK", "c1", netns, "eth0", map[string]any{"prevResult": prev}) }
		r.ok(check())
		r.sh("HOST=%s MAC=02:00:00:00:00:99; %s", res.Interfaces[1].Name, damage)
		a := check()
		r.fails(a, 101, want.says, want.cure)
		for a.status != 0 && !strings.HasPrefix(want.cure, "DEL") { // a link that goes down loses its routes: they are next
			r.sh("set -e; %s", r.isError(a).Details)
			a = check()
		}
		r.ok(r.call("DEL", "c1", netns, "eth0", nil))
	}
}

func rowCheckTolerates(r *rig) {
	netns := r.container("c1")
	_, prev := r.added("c1", netns, "eth0", nil)
	r.sh(`ip -n c1 addr add 192.0.2.7/24 dev eth0; ip -n c1 route add 198.51.100.0/24 via 192.0.2.1; ip -n c1 link add extra type veth peer name extra2
		ip addr add 192.0.2.1/24 dev nsl0; iptables -t nat -A POSTROUTING -s 192.0.2.0/24 -j RETURN`)
	r.Cleanup(func() { r.sh("! nft list table ip nat 2>/dev/null || nft delete table ip nat") })
	more := strings.Replace(string(prev), `"ips": [`, `"ips": [{"address": "192.0.2.7/24"},`, 1)
	more = strings.Replace(more, `"routes": [`, `"routes": [{"dst": "198.51.100.0/24", "gw": "192.0.2.1"},`, 1)
	r.ok(r.call("CHECK", "c1", netns, "eth0", map[string]any{"prevResult": json.RawMessage(more)}))
	r.ok(r.call("DEL", "c1", netns, "eth0", nil))
}

func rowCheckRules(r *rig) {
	netns := r.container("c1")
	_, prev := r.added("c1", netns, "eth0", nil)
	check := func() answer { return r.call("CHECK", "c1", netns, "eth0", map[string]any{"prevResult": prev}) }
	r.ok(check())
	rule := r.sh("iptables -t nat -S POSTROUTING | grep MASQUERADE | sed s/^-A/-D/")
	r.sh("iptables -t nat %s", rule)
	r.fails(check(), 101, "MASQUERADE", "missing", "iptables -t nat -A POSTROUTING -s 10.66.0.2/32 ! -o nsl0 -j MASQUERADE")
	r.ok(r.call("DEL", "c1", netns, "eth0", nil))
	_, prev = r.added("c1", netns, "eth0", nil)
	r.sh("rm %s/ipam/lab/%s", r.dir, r.held()[0])
	r.fails(check(), 101, "no address is reserved")
	r.sh("! nft list table ip nat 2>/dev/null || iptables -t nat -F")
	r.ok(r.call("DEL", "c1", netns, "eth0", nil))
	r.sh("! nft list table ip nat 2>/dev/null || nft delete table ip nat")
}

func rowCheckAtOnce(r *rig) {
	netns := r.container("c1")
	for range 10 {
		_, prev := r.added("c1", netns, "eth0", map[string]any{"hairpinMode": true, "promiscMode": true, "mtu": 1400, "isDefaultGateway": true})
		more := map[string]any{"prevResult": prev, "hairpinMode": true, "promiscMode": true, "mtu": 1400, "isDefaultGateway": true}
		r.ok(r.call("CHECK", "c1", netns, "eth0", more))
		r.ok(r.call("DEL", "c1", netns, "eth0", more))
	}
}

func rowStatus(r *rig) {
	status := func(more map[string]any) answer { return r.call("STATUS", "", "", "", more) }
	r.ok(status(nil))
	r.fails(status(map[string]any{"ipam": map[string]string{"type": "missing"}}), 50, "missing")
	r.fails(status(map[string]any{"bridge": "lo"}), 50, "lo")
	small := map[string]any{"ipam": map[string]any{
		"type": "host-local", "dataDir": r.dir + "/ipam", "ranges": [][]map[string]string{{{"subnet": "10.66.0.0/30"}}},
	}}
	r.ok(status(small))
	netns := r.container("c1")
	r.add("c1", netns, "eth0", small)
	r.fails(status(small), 50, "taken")
	r.fails(r.call("ADD", "c1", netns, "eth1", small), 11, "taken")
	r.ok(r.call("DEL", "c1", netns, "eth0", small))
	r.ok(status(small))
}

func rowNoEffect(r *rig) {
	before := r.machine()
	r.ok(r.call("STATUS", "", "", "", nil))
	r.ok(r.call("VERSION", "", "", "", nil))
	r.fails(r.call("CHECK", "c1", "/run/netns/none", "eth0", nil), 7)
	if diff := cmp.Diff(before, r.machine()); diff != "" {
		r.Error(diff)
	}
	if made, _ := filepath.Glob(r.dir + "/ipam"); made != nil {
		r.Errorf("a directory was made: %v", made)
	}
	netns := r.container("c1")
	_, prev := r.added("c1", netns, "eth0", nil)
	files := "find " + r.dir + " /run/nslab -type f -printf '%p %T@ %s\\n' | sort"
	before = r.machine() + r.sh("%s", files)
	r.ok(r.call("STATUS", "", "", "", nil))
	r.ok(r.call("VERSION", "", "", "", nil))
	r.ok(r.call("CHECK", "c1", netns, "eth0", map[string]any{"prevResult": prev}))
	if diff := cmp.Diff(before, r.machine()+r.sh("%s", files)); diff != "" {
		r.Error(diff)
	}
}

func rowKeys(r *rig) {
	netns := r.container("c1")
	r.add("c1", netns, "eth0", map[string]any{"ipMasq": false, "isGateway": false})
	if got := r.sh("nft list ruleset; ip -o -4 addr show nsl0; cat /proc/sys/net/ipv4/ip_forward"); got != "0\n" {
		r.Errorf("rules, addresses of the bridge and ip_forward: %q, want none, none and 0", got)
	}
	r.ok(r.call("DEL", "c1", netns, "eth0", nil))

	noRoutes := map[string]any{"type": "host-local", "dataDir": r.dir + "/ipam", "subnet": "10.66.0.0/24"}
	r.add("c1", netns, "eth0", map[string]any{"ipam": noRoutes, "isGateway": false, "isDefaultGateway": true, "hairpinMode": true, "promiscMode": true, "mtu": 1300})
	for _, want := range []string{
		"ip -n c1 route | grep -qx 'default via 10.66.0.1 dev eth0 '", "ip -br addr show nsl0 | grep -q ' 10.66.0.1/24 '",
		"ip -d link show master nsl0 | grep -q 'hairpin on'", "ip link show nsl0 | grep -q PROMISC", "ip link show nsl0 | grep -q 'mtu 1300'",
		"ip -n c1 link show eth0 | grep -q 'mtu 1300'", "grep -qx 1 /proc/sys/net/ipv4/ip_forward",
	} {
		r.sh("%s || { echo not true; false; }", want)
	}
	rival := map[string]any{"ipam": map[string]any{"type": "host-local", "dataDir": r.dir + "/ipam", "subnet": "10.67.0.0/24"}}
	r.fails(r.call("ADD", "c1", netns, "eth1", rival), 7, "10.66.0.1/24", "10.67.0.1/24", "forceAddress")
	rival["forceAddress"] = true
	r.add("c1", netns, "eth1", rival)
	if got := r.sh("ip -4 -br addr show nsl0"); !strings.Contains(got, "10.67.0.1/24") || strings.Contains(got, "10.66") {
		r.Error(got)
	}
	r.ok(r.call("DEL", "c1", netns, "eth1", rival))
	r.ok(r.call("DEL", "c1", netns, "eth0", nil))
	r.add("c1", netns, "eth0", map[string]any{"ipam": nil, "isGateway": false, "ipMasq": false})
	if got := r.sh("ip -n c1 -4 addr show eth0"); got != "" {
		r.Errorf("addresses without ipam: %s", got)
	}
}
