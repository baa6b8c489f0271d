package cni_test

import (
	"fmt"
	"strings"

	"github.com/google/go-cmp/cmp"
)

func rowDelAgain(r *rig) {
	nothing := r.machine()
	netns := r.container("c1")
	r.ok(r.call("DEL", "never", netns, "eth0", nil))
	r.ok(r.call("DEL", "never", "", "eth0", nil))
	for name, damage := range map[string]string{
		"nothing":   "true",
		"the veth":  "ip -n c1 link del eth0",
		"its name":  "ip -n c1 link set eth0 down; ip -n c1 link set eth0 name eth9",
		"the port":  "ip link set $HOST down; ip link set $HOST name other",
		"the rule":  "iptables -t nat -F POSTROUTING",
		"the table": "nft delete table ip nat",
		"the link":  "ip link del nsl0",
		"the book":  "rm -r " + r.dir + "/ipam",
		"the state": "rm -r /run/nslab",
	} {
		res := r.add("c1", netns, "eth0", nil)
		r.sh("HOST=%s; %s", res.Interfaces[1].Name, damage)
		r.ok(r.call("DEL", "c1", netns, "eth0", nil))
		r.ok(r.call("DEL", "c1", netns, "eth0", nil))
		r.sh("! nft list table ip nat 2>/dev/null || nft delete table ip nat; sysctl -qw net.ipv4.ip_forward=0")
		if diff := cmp.Diff(nothing, r.machine()); diff != "" || len(r.held()) > 0 {
			r.Errorf("%s was gone before DEL: held %v, left behind:\n%s", name, r.held(), diff)
		}
	}
	r.add("c1", netns, "eth0", nil)
	r.add("c1", netns, "eth1", nil)
	r.ok(r.call("DEL", "c1", netns, "eth1", nil))
	r.sh("ip netns exec c1 ping -c 1 -W 2 10.66.0.1")
	if rules := r.sh("iptables -t nat -S POSTROUTING"); strings.Count(rules, "MASQUERADE") != 1 {
		r.Errorf("the first interface's rule:\n%s", rules)
	}
}

func rowDelWithoutNamespace(r *rig) {
	netns := r.container("c1")
	r.add("c1", netns, "eth0", nil)
	if len(r.held()) != 1 {
		r.Fatalf("held: %v", r.held())
	}
	r.sh("ip netns del c1")
	r.ok(r.call("DEL", "c1", netns, "eth0", nil))
	if len(r.held()) > 0 {
		r.Errorf("held: %v", r.held())
	}
	r.sh("ip netns add c1")
}

func rowDelWithoutNetns(r *rig) {
	netns := r.container("c1")
	for _, prev := range []bool{true, false} {
		_, result := r.added("c1", netns, "eth0", nil)
		more := map[string]any{"prevResult": result}
		if !prev {
			more = nil
		}
		r.ok(r.call("DEL", "c1", "", "eth0", more))
		if links := r.sh("ip -o link; ip -n c1 -o link"); strings.Contains(links, "nsl") || strings.Contains(links, "eth0") || len(r.held()) > 0 {
			r.Errorf("held %v\n%s", r.held(), links)
		}
	}
}

func valid(pairs ...string) map[string]any {
	list := []map[string]string{}
	for _, p := range pairs {
		id, ifName, _ := strings.Cut(p, "/")
		list = append(list, map[string]string{"containerID": id, "ifname": ifName})
	}
	return map[string]any{"cni.dev/valid-attachments": list}
}

func rowGC(r *rig) {
	other := map[string]any{"name": "other"}
	for i := range 4 {
		c := fmt.Sprintf("c%d", i)
		r.add(c, r.container(c), "eth0", nil)
	}
	r.add("c0", "/run/netns/c0", "eth1", nil)
	r.add("c0", "/run/netns/c0", "eth2", other)
	r.Cleanup(func() { r.ok(r.call("DEL", "c0", "/run/netns/c0", "eth2", other)) })
	r.sh("ip netns del c3") // its cable went, its address and its rule did not
	r.ok(r.call("GC", "", "", "", valid("c0/eth0", "c2/eth0", "c9/eth0")))
	if held := r.held(); !cmp.Equal(held, []string{"10.66.0.2", "10.66.0.4"}) {
		r.Errorf("held: %v", held)
	}
	if links := r.sh("ip -o link show master nsl0"); strings.Count(links, "\n") != 3 {
		r.Errorf("ports:\n%s", links)
	}
	for _, want := range []string{"ip -n c0 link show eth0", "! ip -n c0 link show eth1", "ip -n c0 link show eth2", "! ip -n c1 link show eth0", "ip -n c2 link show eth0"} {
		r.sh("%s 2>/dev/null", want)
	}
	if rules := r.sh("iptables -t nat -S POSTROUTING"); strings.Count(rules, "MASQUERADE") != 3 {
		r.Errorf("rules:\n%s", rules)
	}
	r.sh("ip netns add c3")
	r.delegate("angry", `echo '{"code": 123, "msg": "no"}'; exit 1`)
	angry := valid("c0/eth0")
	angry["ipam"] = map[string]string{"type": "angry"}
	r.fails(r.call("GC", "", "", "", angry), 123, "no") // and goes on
	r.sh("! ip -n c2 link show eth0 2>/dev/null")
	r.ok(r.call("DEL", "c2", "/run/netns/c2", "eth0", nil))
}

func rowGCWithoutList(r *rig) {
	netns := r.container("c1")
	r.add("c1", netns, "eth0", nil)
	a := r.call("GC", "", "", "", nil)
	r.ok(a)
	if !strings.Contains(a.stderr, "valid-attachments") {
		r.Errorf("standard error: %q", a.stderr)
	}
	r.ok(r.call("GC", "", "", "", map[string]any{"cni.dev/attachments": valid("c1/eth0")["cni.dev/valid-attachments"]}))
	r.sh("ip netns exec c1 ping -c 1 -W 2 10.66.0.1")
	r.ok(r.call("GC", "", "", "", valid()))
	r.sh("! ip -n c1 link show eth0 2>/dev/null")
}
