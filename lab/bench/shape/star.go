package shape

import (
	"fmt"
	"net/netip"
)

// mostAmong is the largest star in which every pair is pinged: among a thousand
// that is a million pings, which take minutes whoever sends them.
const mostAmong = 200

// Star is n namespaces at one switch on the host, which is their gateway. In a
// large one each pings the next.
func Star(n int) Shape {
	gateway := net10(0, 0, 1)
	s := Shape{Name: fmt.Sprintf("star-%d", n), Bridge: netip.PrefixFrom(gateway, 16)}
	for i := range n {
		addr := net10(0, (i+2)/256, (i+2)%256)
		s.Nodes = append(s.Nodes, Node{Name: fmt.Sprintf("n%d", i), Addr: addr, Gateway: gateway})
		s.Links = append(s.Links, Link{
			End{Node: Host, Name: fmt.Sprintf("p%d", i)},
			End{i, "eth0", netip.PrefixFrom(addr, 16)},
		})
		if n <= mostAmong {
			s.Among = append(s.Among, i)
		}
	}
	for i := 0; n > mostAmong && i < n; i++ {
		next := (i + 1) % n
		s.Pings = append(s.Pings, Ping{i, next, s.Nodes[next].Addr})
	}
	return s
}

// Ports is n ports of the host that all lead to one service: 10000 is the first.
func Ports(n int) Shape {
	s := Shape{Name: fmt.Sprintf("ports-%d", n), Forwarding: true, Nodes: make([]Node, 2)}
	for i, name := range []string{"web", "client"} {
		gateway, addr := s.connect(Host, name, i, "eth0", net10(i+1, 0, 1))
		s.Nodes[i] = Node{Name: name, Addr: addr, Gateway: gateway}
	}
	for i := range n {
		s.Ports = append(s.Ports, Port{
			Port: uint16(10000 + i), To: netip.AddrPortFrom(s.Nodes[0].Addr, 7),
			In: 0, Client: 1, At: s.Nodes[1].Gateway,
		})
	}
	return s
}
