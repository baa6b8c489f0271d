package shape

import (
	"fmt"
	"net/netip"
)

// maxTTL lets a packet pass a line of 200 routers.
const maxTTL = 255

// Line is n routers in a row, each with a cable to the next. Neighbours ping
// each other, and so do the two ends.
func Line(n int) Shape {
	s := Shape{Name: fmt.Sprintf("line-%d", n), Nodes: make([]Node, n)}
	for i := range s.Nodes {
		s.Nodes[i] = Node{Name: fmt.Sprintf("n%d", i), Forwarding: true, TTL: maxTTL}
	}
	begin := netip.PrefixFrom(net10(0, 0, 0), 30)
	for i := range n - 1 {
		left, right := s.connect(i, "right", i+1, "left", net10(i/16384, i/64%256, 4*(i%64)+1))
		if i < n-2 { // the last but one reaches the end without a route
			s.Nodes[i].Gateway = right
		}
		if i > 0 {
			s.Nodes[i+1].Routes = []Route{{begin, left}}
		}
		s.Pings = append(s.Pings, Ping{i, i + 1, right}, Ping{i + 1, i, left})
		s.Nodes[i+1].Addr = right
	}
	s.Nodes[0].Addr = s.Links[0].A.Addr.Addr()
	s.Pings = append(s.Pings, Ping{0, n - 1, s.Nodes[n-1].Addr}, Ping{n - 1, 0, s.Nodes[0].Addr})
	return s
}

// Tree is a fat tree (Al-Fares et al., SIGCOMM 2008) of switches with k ports,
// here routers: k pods of k/2 edge and k/2 aggregation switches, k²/4 cores,
// and k³/4 hosts. Down there is a route for every network, up a default route.
// All hosts ping each other.
func Tree(k int) Shape {
	t := tree{Shape: Shape{Name: fmt.Sprintf("tree-%d", k)}, k: k, half: k / 2}
	for i := range t.half * t.half {
		t.router("core%d", i)
	}
	for pod := range k {
		t.pod(pod)
	}
	return t.Shape
}

type tree struct {
	Shape
	k, half int
	cables  int // between switches
}

func (t *tree) router(name string, args ...any) int {
	t.Nodes = append(t.Nodes, Node{Name: fmt.Sprintf(name, args...), Forwarding: true})
	return len(t.Nodes) - 1
}

// trunk joins two switches and returns the addresses of its ends.
func (t *tree) trunk(up, down int) (netip.Addr, netip.Addr) {
	n := t.cables
	t.cables++
	return t.connect(up, "down-"+t.Nodes[down].Name, down, "up-"+t.Nodes[up].Name, net10(200, n/64, 4*(n%64)+1))
}

func (t *tree) pod(pod int) {
	aggs := make([]int, t.half)
	for j := range aggs {
		aggs[j] = t.router("a%d-%d", pod, j)
		for c := range t.half {
			core := j*t.half + c
			up, down := t.trunk(core, aggs[j])
			t.Nodes[core].Routes = append(t.Nodes[core].Routes, Route{netip.PrefixFrom(net10(pod, 0, 0), 16), down})
			if c == pod%t.half {
				t.Nodes[aggs[j]].Gateway = up
			}
		}
	}
	for e := range t.half {
		edge := t.router("e%d-%d", pod, e)
		for j, agg := range aggs {
			up, down := t.trunk(agg, edge)
			t.Nodes[agg].Routes = append(t.Nodes[agg].Routes, Route{netip.PrefixFrom(net10(pod, e, 0), 24), down})
			if j == e {
				t.Nodes[edge].Gateway = up
			}
		}
		t.hosts(pod, e, edge)
	}
}

func (t *tree) hosts(pod, e, edge int) {
	for h := range t.half {
		t.Nodes = append(t.Nodes, Node{Name: fmt.Sprintf("h%d-%d-%d", pod, e, h)})
		host := len(t.Nodes) - 1
		up, down := t.connect(edge, fmt.Sprintf("port%d", h), host, "eth0", net10(pod, e, 4*h+1))
		t.Nodes[host].Gateway, t.Nodes[host].Addr = up, down
		t.Among = append(t.Among, host)
	}
}
