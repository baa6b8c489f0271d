package topology

import (
	"fmt"
	"net/netip"
)

// domainPort is where name servers listen, RFC 1035 section 4.2.
const domainPort = 53

// AutoNames is the value of `names` that means everybody on the same networks.
const AutoNames = "auto"

// dns reads {dns: "127.0.0.11:53", names: auto, forward: 8.8.8.8}.
func (p *parser) dns(a *Args) {
	w := a.Required("dns", `"127.0.0.11:53"`)
	if w.Text != "" {
		if _, problem := listen(w.Text); problem != "" {
			p.add(w.Pos, at(a.path, "dns"), "%s", problem)
		}
	}
	if f := a.Word("forward"); f.Text != "" {
		if _, problem := parseAddr(f.Text); problem != "" {
			p.add(f.Pos, at(a.path, "forward"), "%s", problem)
		}
	}
	p.dnsNames(a)
}

func (p *parser) dnsNames(a *Args) {
	v, path := a.Value("names"), at(a.path, "names")
	switch {
	case v.Kind == Map:
	case v.Kind == Scalar && v.Text == AutoNames:
		return
	default:
		if v.Pos.Line == 0 {
			v.Pos = a.v.Pos
		}
		p.add(v.Pos, path, "want the names it knows, {web: 172.18.0.2}, or %s for everybody on its networks, found %s", AutoNames, v.what())
		return
	}
	names := &Args{path: path, v: v, sink: p.keep}
	for _, k := range v.Keys {
		if problem := HostNameProblem(k.Text); problem != "" {
			p.add(k.Pos, at(path, k.Text), "%s", problem)
		}
		for i, w := range names.Words(k.Text) {
			if _, problem := parseAddr(w.Text); problem != "" {
				p.add(w.Pos, nth(at(path, k.Text), i), "%s", problem)
			}
		}
	}
}

// listen reads ADDRESS or ADDRESS:PORT of a server that names its address.
func listen(text string) (netip.AddrPort, string) {
	ap, problem := target(text)
	_, notPort := number(text, 1, 65535)
	switch {
	case notPort == "":
		return ap, fmt.Sprintf("%s is only a port: write the address that it is asked at as well, for example \"127.0.0.11:%s\"", text, text)
	case problem != "":
		return ap, problem
	case ap.Addr().IsUnspecified() || ap.Addr().IsMulticast():
		return ap, fmt.Sprintf("%s is no address of this namespace: write the one that it is asked at, for example 127.0.0.11", ap.Addr())
	case ap.Port() == 0:
		return netip.AddrPortFrom(ap.Addr(), domainPort), ""
	}
	return ap, ""
}

// Listen is the address of a dns service; the zero AddrPort for other kinds.
func (s Service) Listen() netip.AddrPort {
	if s.Kind.Text != "dns" {
		return netip.AddrPort{}
	}
	ap, _ := listen(s.Args.Get("dns").Text) // has been read before
	return ap
}

// DNSNames are the addresses that a dns service in a namespace knows names of.
func (s *State) DNSNames(ns string, v Service) []HostLine {
	names := v.Args.Get("names")
	if names.Kind == Scalar && names.Text == AutoNames {
		return s.networkNames(ns)
	}
	var out []HostLine
	for i, k := range names.Keys {
		items := names.Items[i].Items
		if names.Items[i].Kind == Scalar {
			items = names.Items[i : i+1]
		}
		for _, item := range items {
			if addr, err := netip.ParseAddr(item.Text); err == nil {
				out = append(out, HostLine{addr, []string{k.Text}})
			}
		}
	}
	return out
}
