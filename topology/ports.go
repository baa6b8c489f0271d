package topology

import (
	"fmt"
	"net/netip"
	"strings"
)

// Port is a port that a namespace publishes on its host, as Docker does with
// `-p HOST-IP:PUBLISHED:TARGET/PROTOCOL`.
type Port struct {
	HostIP            netip.Addr // invalid: every address of the host
	Published, Target uint16
	Protocol          string // tcp or udp
	NAT               bool   // rules of iptables lead the port here
	Proxy             bool   // and a process on the host does, for whom no rule helps
	Pos               Pos
}

const examplePorts = `ports: ["8080:80"]`

// ports reads the published ports of a namespace, as compose writes them.
func (p *parser) ports(a *Args, owner Word) []Port {
	var out []Port
	if a.has("ports") && owner.Text == Host {
		p.add(keyPos(a.v, "ports"), at(a.path, "ports"), "the host's own ports are open as they are: a namespace publishes its ports on the host")
		return nil
	}
	p.listed(at(a.path, "ports"), a.Value("ports"), examplePorts, func(path string, v Value) {
		before := p.count
		o := p.publishedPort(path, v)
		p.paths[v.Pos] = path
		if p.count == before {
			out = append(out, o)
		}
	})
	return out
}

func (p *parser) publishedPort(path string, v Value) Port {
	o := Port{Protocol: "tcp", NAT: true, Proxy: true, Pos: v.Pos}
	switch v.Kind {
	case Scalar:
		p.shortPort(path, Word{v.Text, v.Pos}, &o)
	case Map:
		p.longPort(path, v, &o)
	case List, Absent:
		p.add(v.Pos, path, "want \"8080:80\", found %s", v.what())
	}
	return o
}

// shortPort reads [HOST-IP:]PUBLISHED:TARGET[/PROTOCOL].
func (p *parser) shortPort(path string, w Word, o *Port) {
	text, proto, given := strings.Cut(w.Text, "/")
	if given {
		o.Protocol = proto
	}
	rest, target := cutLast(text)
	host, published := cutLast(rest)
	problem := ""
	switch {
	case w.Text == "":
		problem = "the port is missing: write \"8080:80\""
	case rest == "":
		problem = fmt.Sprintf("%q would be published at a port of Docker's choice: say which, for example \"8080:%s\"", cut(w.Text), cut(text))
	case strings.Contains(published+target, "-"):
		problem = fmt.Sprintf("%q: one port per item", cut(w.Text))
	case o.Protocol != "tcp" && o.Protocol != "udp":
		problem = fmt.Sprintf("%q: the protocol must be tcp or udp", cut(w.Text))
	}
	if problem == "" {
		o.Published, problem = portNumber(published)
	}
	if problem == "" {
		o.Target, problem = portNumber(target)
	}
	if problem == "" && host != "" {
		o.HostIP, problem = parseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	}
	if problem != "" {
		p.add(w.Pos, path, "%s", problem)
	}
	o.everywhere()
}

func portNumber(text string) (uint16, string) {
	n, problem := number(text, 1, 65535)
	if problem != "" {
		problem = "port: " + problem
	}
	return uint16(n), problem
}

// cutLast cuts at the last colon.
func cutLast(s string) (before, after string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", s
	}
	return s[:i], s[i+1:]
}

// longPort reads {published, target, protocol, host-ip, nat, proxy}.
func (p *parser) longPort(path string, v Value, o *Port) {
	a := p.object(path, v, "publish")
	a.Required("published", "8080")
	a.Required("target", "80")
	o.Published, o.Target = uint16(a.Int("published", 0, 1, 65535)), uint16(a.Int("target", 0, 1, 65535))
	o.Protocol = a.OneOf("protocol", "tcp", "tcp", "udp")
	o.NAT, o.Proxy = a.Bool("nat", true), a.Bool("proxy", true)
	if w := a.Word("host-ip"); w.Text != "" {
		var problem string
		if o.HostIP, problem = parseAddr(w.Text); problem != "" {
			p.add(w.Pos, at(path, "host-ip"), "%s", problem)
		}
	}
	if !o.NAT && !o.Proxy {
		a.Complain(v.Pos, "without `nat` and without `proxy` nobody would lead the port anywhere")
	}
	o.everywhere()
}

// everywhere makes 0.0.0.0 what it means to Docker: no address in particular.
func (o *Port) everywhere() {
	if o.HostIP == netip.IPv4Unspecified() {
		o.HostIP = netip.Addr{}
	}
}

// bind is the address that the port takes on the host, as Docker writes it.
func (o Port) bind() string {
	ip := o.HostIP
	if !ip.IsValid() {
		ip = netip.IPv4Unspecified()
	}
	return netip.AddrPortFrom(ip, o.Published).String()
}

// written is a port as `remove` names it.
func (o Port) written() string {
	s := fmt.Sprintf("%d:%d", o.Published, o.Target)
	switch {
	case o.HostIP.Is6():
		s = "[" + o.HostIP.String() + "]:" + s
	case o.HostIP.IsValid():
		s = o.HostIP.String() + ":" + s
	}
	if o.Protocol != "tcp" {
		s += "/" + o.Protocol
	}
	return s
}

// socket tells the ports of a namespace apart: naming one again changes it.
func (o Port) socket() string { return o.bind() + "/" + o.Protocol }
