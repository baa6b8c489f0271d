package shape

import (
	"fmt"
	"strings"
)

// YAML is the shape as a person would write it for nslab. host says where it
// is to stand.
func (s Shape) YAML(host string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\nhost: %s\nnamespaces:\n", s.Name, host)
	if s.Forwarding {
		fmt.Fprintln(&b, "  host: {forwarding: true}")
	}
	for i, n := range s.Nodes {
		fmt.Fprintf(&b, "  %s: {%s}\n", n.Name, strings.Join(keys(s, i), ", "))
	}
	if s.Bridge.IsValid() {
		fmt.Fprintf(&b, "bridges: {%s: {addresses: [%s]}}\n", Switch, s.Bridge)
	}
	fmt.Fprintln(&b, "links:")
	for _, l := range s.Links {
		fmt.Fprintf(&b, "  - endpoints: [%q, %q]\n", end(s, l.A), end(s, l.B))
	}
	if len(s.Ports) > 0 {
		fmt.Fprintln(&b, "nat:")
	}
	for _, p := range s.Ports {
		fmt.Fprintf(&b, "  - {dnat: %d/tcp, to: %q}\n", p.Port, p.To)
	}
	checks(&b, s)
	return b.String()
}

func keys(s Shape, node int) []string {
	n := s.Nodes[node]
	out := []string{"lo: up"}
	if n.Gateway.IsValid() {
		out = append(out, fmt.Sprintf("gateway: %s", n.Gateway))
	}
	if n.Forwarding {
		out = append(out, "forwarding: true")
	}
	if n.TTL > 0 {
		out = append(out, fmt.Sprintf("sysctls: {net.ipv4.ip_default_ttl: %d}", n.TTL))
	}
	var routes []string
	for _, r := range n.Routes {
		routes = append(routes, fmt.Sprintf("{to: %s, via: %s}", r.To, r.Via))
	}
	if len(routes) > 0 {
		out = append(out, "routes: ["+strings.Join(routes, ", ")+"]")
	}
	if len(s.Ports) > 0 && s.Ports[0].In == node {
		out = append(out, fmt.Sprintf("services: [{tcp-echo: %d}]", s.Ports[0].To.Port()))
	}
	return out
}

func end(s Shape, e End) string {
	switch {
	case !e.Addr.IsValid():
		return Switch + ":" + e.Name
	case e.Node == Host:
		return fmt.Sprintf("host:%s %s", e.Name, e.Addr)
	}
	return fmt.Sprintf("%s:%s %s", s.Nodes[e.Node].Name, e.Name, e.Addr)
}

func checks(b *strings.Builder, s Shape) {
	fmt.Fprintln(b, "verify:")
	if len(s.Among) > 0 {
		names := make([]string, len(s.Among))
		for i, n := range s.Among {
			names[i] = s.Nodes[n].Name
		}
		fmt.Fprintf(b, "  - {ping: {among: [%s]}}\n", strings.Join(names, ", "))
	}
	for _, p := range s.Pings {
		fmt.Fprintf(b, "  - {ping: {from: %s, to: %s}}\n", s.Nodes[p.From].Name, p.Addr)
	}
	for _, p := range s.Ports {
		fmt.Fprintf(b, "  - {tcp: {from: %s, to: \"%s:%d\"}}\n", s.Nodes[p.Client].Name, p.At, p.Port)
	}
}
