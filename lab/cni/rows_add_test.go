package cni_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"github.com/google/go-cmp/cmp"
)

func rowInterfaceThere(r *rig) {
	netns := r.container("c1")
	r.sh("ip -n c1 link add eth0 type dummy 2>/dev/null || ip -n c1 link add eth0 type veth peer name other")
	before := r.machine() + r.sh("ip -n c1 -o link")
	r.fails(r.call("ADD", "c1", netns, "eth0", nil), 100, "eth0", netns)
	if diff := cmp.Diff(before, r.machine()+r.sh("ip -n c1 -o link")); diff != "" || len(r.held()) > 0 {
		r.Errorf("held %v, changed:\n%s", r.held(), diff)
	}
}

func rowInterfaces(r *rig) {
	netns := r.container("c1")
	for _, v := range []string{"0.3.1", "0.4.0", "1.0.0", "1.1.0"} {
		res := r.add("c1", netns, "eth0", map[string]any{"cniVersion": v, "mtu": 1400})
		if res.CNIVersion != v || len(res.Interfaces) != 3 {
			r.Fatalf("%+v", res)
		}
		for i, want := range []struct{ name, in, sandbox string }{{"nsl0", "", ""}, {"nsl", "", ""}, {"eth0", "-n c1", netns}} {
			got := res.Interfaces[i]
			link := r.sh("ip %s -o link show %s", want.in, got.Name)
			if !strings.HasPrefix(got.Name, want.name) || got.Sandbox != want.sandbox || !strings.Contains(link, got.Mac) {
				r.Errorf("%s: %+v, but the kernel has %s", v, got, link)
			}
			if mtu := fmt.Sprintf("mtu %d ", got.Mtu); v == "1.1.0" && !strings.Contains(link, mtu) || v != "1.1.0" && got.Mtu != 0 {
				r.Errorf("%s: %+v, but the kernel has %s", v, got, link)
			}
		}
		r.ok(r.call("DEL", "c1", netns, "eth0", map[string]any{"cniVersion": v}))
	}
}

func rowAddresses(r *rig) {
	netns := r.container("c1")
	ipam := map[string]any{"type": "host-local", "dataDir": r.dir + "/six", "ranges": []any{
		[]any{map[string]string{"subnet": "10.66.0.0/24", "rangeStart": "10.66.0.20", "gateway": "10.66.0.254"}},
		[]any{map[string]string{"subnet": "fd66::/64"}},
	}}
	for v, family := range map[string]string{"0.3.1": "4", "0.4.0": "4", "1.0.0": "", "1.1.0": ""} {
		res := r.add("c1", netns, "eth0", map[string]any{"cniVersion": v, "ipam": ipam})
		if len(res.IPs) != 2 {
			r.Fatalf("%+v", res)
		}
		got := res.IPs[0]
		if !strings.HasPrefix(got.Address, "10.66.0.2") || got.Gateway != "10.66.0.254" || got.Interface != 2 || got.Version != family {
			r.Errorf("%s: %+v", v, got)
		}
		if six := res.IPs[1]; !strings.HasPrefix(six.Address, "fd66::") || six.Gateway != "fd66::1" {
			r.Errorf("%s: %+v", v, six)
		}
		addrs := r.sh("ip -n c1 -o addr show eth0; ip -o addr show nsl0")
		for _, a := range []string{got.Address, res.IPs[1].Address, got.Gateway + "/24", "fd66::1/64"} {
			if !strings.Contains(addrs, " "+a+" ") {
				r.Errorf("%s: the kernel does not have %s:\n%s", v, a, addrs)
			}
		}
		r.ok(r.call("DEL", "c1", netns, "eth0", map[string]any{"cniVersion": v, "ipam": ipam}))
	}
	a := r.call("ADD", "c1", netns, "eth0", map[string]any{"cniVersion": "0.2.0"})
	r.ok(a)
	var old struct{ IP4 struct{ IP, Gateway string } }
	if err := json.Unmarshal([]byte(a.out), &old); err != nil || old.IP4.IP != "10.66.0.2/24" || old.IP4.Gateway != "10.66.0.1" {
		r.Errorf("0.2.0: %v %s", err, a.out)
	}
}

func rowRoutesDNS(r *rig) {
	netns := r.container("c1")
	r.delegate("routes", `cat <<E
{"cniVersion": "1.1.0", "ips": [{"address": "10.66.0.9/24", "gateway": "10.66.0.1"}], "dns": {"nameservers": ["10.66.0.53"]},
 "routes": [{"dst": "0.0.0.0/0"}, {"dst": "192.0.2.0/24", "gw": "10.66.0.7"}, {"dst": "198.51.100.0/24", "gw": "10.66.0.8", "priority": 77}]}
E`)
	ipam := map[string]any{"ipam": map[string]string{"type": "routes"}}
	res := r.add("c1", netns, "eth0", ipam)
	want := []map[string]any{
		{"dst": "0.0.0.0/0"},
		{"dst": "192.0.2.0/24", "gw": "10.66.0.7"},
		{"dst": "198.51.100.0/24", "gw": "10.66.0.8", "priority": 77.0},
	}
	if diff := cmp.Diff(want, res.Routes); diff != "" {
		r.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"nameservers": []any{"10.66.0.53"}}, res.DNS); diff != "" {
		r.Error(diff)
	}
	routes := r.sh("ip -n c1 route")
	for _, w := range []string{"default via 10.66.0.1 dev eth0 ", "192.0.2.0/24 via 10.66.0.7 dev eth0 ", "198.51.100.0/24 via 10.66.0.8 dev eth0 metric 77 "} {
		if !strings.Contains(routes, w) {
			r.Errorf("no %q in\n%s", w, routes)
		}
	}
	r.ok(r.call("DEL", "c1", netns, "eth0", ipam))
	ipam["dns"] = map[string]string{"domain": "lab"}
	if res := r.add("c1", netns, "eth0", ipam); res.DNS["domain"] != "lab" || res.DNS["nameservers"] != nil {
		r.Errorf("dns of the configuration: %v", res.DNS)
	}
}

func rowPrevResult(r *rig) {
	netns := r.container("c1")
	prev := json.RawMessage(`{"cniVersion": "1.1.0", "interfaces": [{"name": "lo", "sandbox": "` + netns + `"}],
		"ips": [{"address": "127.0.0.1/8", "interface": 0}], "dns": {"domain": "before"}}`)
	res := r.add("c1", netns, "eth0", map[string]any{"prevResult": prev})
	if len(res.Interfaces) != 4 || res.Interfaces[0].Name != "lo" || len(res.IPs) != 2 || res.IPs[0].Address != "127.0.0.1/8" ||
		res.IPs[0].Interface != 0 || res.IPs[1].Interface != 3 || res.DNS["domain"] != "before" {
		r.Errorf("%+v", res)
	}
	r.fails(r.call("ADD", "c2", netns, "eth1", map[string]any{"prevResult": "red"}), 6, "prevResult")
}

// rowFailedAdd lets ADD fail at every one of its stages.
func rowFailedAdd(r *rig) {
	netns := r.container("c1")
	r.delegate("broken", `[ $CNI_COMMAND != ADD ] || { echo '{"cniVersion": "1.1.0", "code": 11, "msg": "no lease", "details": "today"}'; exit 1; }`)
	r.delegate("far", `[ $CNI_COMMAND != ADD ] || echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.66.0.9/24"}], "routes": [{"dst": "192.0.2.0/24", "gw": "203.0.113.1"}]}'`)
	r.delegate("silent", `:`)
	full := map[string]any{"type": "host-local", "dataDir": r.dir + "/full", "ranges": [][]map[string]string{{{"subnet": "10.66.0.0/30", "rangeEnd": "10.66.0.1"}}}}
	for name, tt := range map[string]struct {
		more map[string]any
		code int
		says string
	}{
		"no address left":      {map[string]any{"ipam": full}, 11, "taken"},
		"the IPAM plugin":      {map[string]any{"ipam": map[string]string{"type": "broken"}}, 11, "no lease"},
		"no answer of it":      {map[string]any{"ipam": map[string]string{"type": "silent"}}, 999, ""},
		"a route":              {map[string]any{"ipam": map[string]string{"type": "far"}}, 999, "203.0.113.1"},
		"no such IPAM plugin":  {map[string]any{"ipam": map[string]string{"type": "missing"}}, 7, "missing"},
		"a plugin with a path": {map[string]any{"ipam": map[string]string{"type": "../sh"}}, 7, "../sh"},
	} {
		before := r.machine()
		r.fails(r.call("ADD", "c1", netns, "eth0", tt.more), tt.code, tt.says)
		if diff := cmp.Diff(before, r.machine()); diff != "" || len(r.held()) > 0 || strings.Contains(r.sh("ip -n c1 -o link"), "eth0") {
			r.Errorf("%s: held %v, left behind:\n%s", name, r.held(), diff)
		}
	}
	if calls := r.calls("broken"); len(calls) != 2 || !strings.HasPrefix(calls[1], "DEL c1 "+netns+" eth0 ") {
		r.Errorf("the IPAM plugin that failed was called %v, want ADD and DEL", calls)
	}
}

// rowDelegate compares what the delegate was given with what we were given.
func rowDelegate(r *rig) {
	netns := r.container("c1")
	r.delegate("spy", `[ $CNI_COMMAND != ADD ] || { echo a word >&2; echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.66.0.9/24"}]}'; }`)
	r.conf["ipam"] = map[string]string{"type": "spy", "key": "of its own"}
	a := r.call("ADD", "c1", netns, "eth0", map[string]any{"unknown": "key"})
	r.ok(a)
	if a.stderr != "a word\n" {
		r.Errorf("standard error: %q", a.stderr)
	}
	want := `{"bridge":"nsl0","cniVersion":"1.1.0","ipMasq":true,"ipam":{"key":"of its own","type":"spy"},"isGateway":true,"name":"lab","type":"nslab-bridge","unknown":"key"}`
	if calls := r.calls("spy"); len(calls) != 1 || calls[0] != "ADD c1 "+netns+" eth0 "+want {
		r.Errorf("called with\n%s\nwant\n%s", calls, want)
	}
}

func rowDelegateAll(r *rig) {
	netns := r.container("c1")
	r.delegate("spy", `[ $CNI_COMMAND != ADD ] || echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.66.0.9/24"}]}'`)
	r.conf["ipam"] = map[string]string{"type": "spy"}
	_, prev := r.added("c1", netns, "eth0", nil)
	r.ok(r.call("CHECK", "c1", netns, "eth0", map[string]any{"prevResult": prev}))
	r.ok(r.call("STATUS", "", "", "", nil))
	r.ok(r.call("GC", "", "", "", map[string]any{"cni.dev/valid-attachments": []map[string]string{{"containerID": "c1", "ifname": "eth0"}}}))
	r.ok(r.call("DEL", "c1", netns, "eth0", nil))
	var commands []string
	for _, c := range r.calls("spy") {
		commands = append(commands, strings.Fields(c)[0])
	}
	if diff := cmp.Diff([]string{"ADD", "CHECK", "STATUS", "GC", "DEL"}, commands); diff != "" {
		r.Error(diff)
	}
	r.delegate("spy", `echo '{"cniVersion": "1.1.0", "code": 123, "msg": "not today"}'; exit 1`)
	for _, command := range []string{"STATUS", "DEL"} {
		r.fails(r.call(command, "c1", netns, "eth0", nil), 123, "spy", "not today")
	}
	r.delegate("spy", `:`)
}

func rowDelegateIndex(r *rig) {
	netns := r.container("c1")
	r.delegate("wild", `[ $CNI_COMMAND != ADD ] || echo '{"cniVersion": "1.1.0", "interfaces": [{"name": "ghost"}], "ips": [{"address": "10.66.0.9/24", "interface": 0}]}'`)
	r.conf["ipam"] = map[string]string{"type": "wild"}
	res := r.add("c1", netns, "eth0", nil)
	if len(res.Interfaces) != 3 || res.IPs[0].Interface != 2 {
		r.Errorf("%+v", res)
	}
}

func rowParallel(r *rig) {
	const n = 24
	var all sync.WaitGroup
	for i := range n {
		r.container(fmt.Sprintf("c%d", i))
	}
	for i := range n {
		all.Go(func() { r.add(fmt.Sprintf("c%d", i), fmt.Sprintf("/run/netns/c%d", i), "eth0", nil) })
	}
	all.Wait()
	if held := r.held(); len(held) != n {
		r.Errorf("%d containers, %d addresses", n, len(held))
	}
	for i := range n {
		r.sh("ip netns exec c%d ping -c 1 -W 2 10.66.0.1", i)
		all.Go(func() { r.ok(r.call("DEL", fmt.Sprintf("c%d", i), fmt.Sprintf("/run/netns/c%d", i), "eth0", nil)) })
	}
	all.Wait()
	if held := r.held(); len(held) > 0 {
		r.Errorf("held: %v", held)
	}
}

func rowRuntimeConfig(r *rig) {
	netns := r.container("c1")
	more := map[string]any{
		"capabilities": map[string]bool{"mac": true, "ips": true},
		"runtimeConfig": map[string]any{
			"mac": "02:00:00:00:00:05", "ips": []string{"10.66.0.50/24", "10.77.0.9"}, "aliases": []string{"web"},
			"ipRanges": [][]map[string]string{{{"subnet": "10.77.0.0/24"}}},
		},
	}
	res := r.add("c1", netns, "eth0", more)
	if len(res.IPs) != 2 || res.IPs[0].Address != "10.77.0.9/24" || res.IPs[1].Address != "10.66.0.50/24" || res.Interfaces[2].Mac != "02:00:00:00:00:05" {
		r.Errorf("%+v", res)
	}
	_, prev := r.added("c1", netns, "eth1", map[string]any{"args": map[string]any{"cni": map[string]any{"ips": []string{"10.66.0.51"}}}})
	r.ok(r.call("CHECK", "c1", netns, "eth1", map[string]any{"prevResult": prev}))
	r.fails(r.call("ADD", "c2", netns, "eth2", map[string]any{"runtimeConfig": map[string]any{"ips": []string{"10.66.0.51"}}}), 999, "10.66.0.51 belongs to eth1 of c1")
	r.fails(r.call("ADD", "c2", netns, "eth2", map[string]any{"runtimeConfig": map[string]any{"ips": []string{"192.0.2.1"}}}), 999, "192.0.2.1")
	r.fails(r.call("ADD", "c2", netns, "eth2", map[string]any{"runtimeConfig": map[string]any{"ips": []string{"10.66.0.1"}}}), 999, "gateway")
	r.ok(r.call("DEL", "c1", netns, "eth1", nil))
}

func rowNetnsPaths(r *rig) {
	r.container("c1")
	r.sh("mkdir -p /run/somewhere && ln -s /run/netns/c1 /run/somewhere/else")
	r.Cleanup(func() { r.sh("rm -r /run/somewhere") })
	inside := exec.Command("ip", "netns", "exec", "c1", "sh", "-c", "echo here; exec sleep 60")
	out, err := inside.StdoutPipe()
	if err = errors.Join(err, inside.Start()); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = errors.Join(inside.Process.Kill(), inside.Wait()) })
	if _, err := out.Read(make([]byte, 5)); err != nil {
		r.Fatal(err)
	}
	pid := strconv.Itoa(inside.Process.Pid)
	for _, path := range []string{"/run/netns/c1", "/run/somewhere/else", "/proc/" + pid + "/ns/net"} {
		res, prev := r.added("c1", path, "eth0", nil)
		if res.Interfaces[2].Sandbox != path {
			r.Errorf("sandbox %q, want %q", res.Interfaces[2].Sandbox, path)
		}
		check := func() answer { return r.call("CHECK", "c1", path, "eth0", map[string]any{"prevResult": prev}) }
		r.ok(check())
		r.sh("ip -n c1 addr flush dev eth0")
		r.sh("set -e; %s", r.isError(check()).Details) // what mends it can be typed for each of them
		r.ok(check())
		r.ok(r.call("DEL", "c1", path, "eth0", nil))
	}
	for _, bad := range []string{"/run/netns/none", "/etc/passwd", "/proc/1/ns/mnt", "c1", "/run"} {
		r.fails(r.call("ADD", "c1", bad, "eth0", nil), 4, "CNI_NETNS", bad)
		r.ok(r.call("DEL", "c1", bad, "eth0", nil))
	}
}
