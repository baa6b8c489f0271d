package cni_test

import (
	"strings"
)

// rowRouteOptions: what version 1.1.0 says of routes. An older result has all of
// it, too, or CHECK would look in the wrong table.
func rowRouteOptions(r *rig) {
	netns := r.container("c1")
	r.delegate("routes", `[ $CNI_COMMAND != ADD ] || cat <<E
{"cniVersion": "1.1.0", "ips": [{"address": "10.66.0.9/24", "gateway": "10.66.0.1"}, {"address": "fd66::9/64", "gateway": "fd66::1"}],
 "routes": [{"dst": "0.0.0.0/0", "mtu": 1300, "advmss": 1200}, {"dst": "192.0.2.0/24", "table": 300, "priority": 7}, {"dst": "10.8.0.0/24", "scope": 253},
            {"dst": "::/0", "table": 300, "mtu": 1290}]}
E`)
	for _, v := range []string{"1.0.0", "1.1.0"} {
		more := map[string]any{"cniVersion": v, "ipam": map[string]string{"type": "routes"}}
		_, prev := r.added("c1", netns, "eth0", more)
		have := r.sh("ip -n c1 route; ip -n c1 route show table 300; ip -n c1 -6 route show table 300")
		for _, w := range []string{
			"default via 10.66.0.1 dev eth0 mtu 1300 advmss 1200 ", "192.0.2.0/24 via 10.66.0.1 dev eth0 metric 7 ", "10.8.0.0/24 dev eth0 scope link ",
			"default via fd66::1 dev eth0 metric 1024 mtu 1290 ",
		} {
			if !strings.Contains(have, w) {
				r.Errorf("no %q in\n%s", w, have)
			}
		}
		if strings.Contains(r.sh("ip -n c1 route"), "192.0.2.0") {
			r.Errorf("a route of table 300 is in main:\n%s", have)
		}
		more["prevResult"] = prev
		r.ok(r.call("CHECK", "c1", netns, "eth0", more))
		for damage, says := range map[string]string{
			"route change default via 10.66.0.1 dev eth0 mtu 1280 advmss 1200": "mtu 1280, not 1300",
			"route change default via 10.66.0.1 dev eth0 mtu 1300 advmss 1100": "advmss 1100, not 1200",
			"route del 192.0.2.0/24 table 300":                                 "no route to 192.0.2.0/24",
			"-6 route del default table 300":                                   "no route to default",
		} {
			r.sh("ip -n c1 %s", damage)
			r.fails(r.call("CHECK", "c1", netns, "eth0", more), 101, says)
		}
		delete(more, "prevResult")
		r.ok(r.call("DEL", "c1", netns, "eth0", more))
	}
}
