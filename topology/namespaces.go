package topology

import (
	"fmt"
	"strings"
)

// namespace reads what a file or a step says of one namespace.
func (p *parser) namespace(path string, name Word, v Value) Namespace {
	before := p.count
	if name.Text != Host {
		p.node(path, name, nodeProblem(name.Text))
	}
	p.paths[name.Pos] = path
	a := p.object(path, v, "namespace")
	n := Namespace{Name: name, Network: p.network(a, name)}
	n.Lo, n.LoAddress = p.lo(a)
	if a.has("forwarding") {
		n.Forward, n.ForwardAt = a.Bool("forwarding", false), a.Value("forwarding").Pos
	}
	gateways, auto := p.gateways(a)
	n.Routes, n.autoGateway = append(p.routes(a), gateways...), auto
	n.Sysctls, n.Neighbours, n.FDB = p.sysctls(a), p.neighbours(a), p.fdb(a)
	n.Hosts = p.hosts(a)
	n.OwnHosts = a.Value("hosts").Kind == Map && len(a.Value("hosts").Keys) == 0
	n.Hostname, n.Aliases, n.Linked = p.hostName(a, "hostname"), p.aliases(a), p.linked(a)
	n.Resolv = p.resolv(a)
	n.Services = p.services(a)
	n.Ports = p.ports(a, name)
	n.CNI = p.attachments(a, name)
	if p.count > before || len(n.CNI) > 0 { // nobody knows what plugins will make
		p.unsure[name.Text] = true
	}
	return n
}

// lo reads `lo: up` or `lo: {addresses: [...]}`: lo is down in a new namespace.
func (p *parser) lo(a *Args) (bool, []Address) {
	v := a.Value("lo")
	path := at(a.path, "lo")
	switch {
	case !v.given():
		return false, nil
	case v.Kind == Scalar && v.Text == "up":
		return true, nil
	case v.Kind != Map:
		p.add(v.Pos, path, "want `up` or {addresses: [...]}, found %s", v.what())
		return false, nil
	}
	o := p.object(path, v, "lo")
	return true, p.addresses(at(path, "addresses"), o.Words("addresses"), true)
}

func (p *parser) sysctls(a *Args) []Sysctl {
	var out []Sysctl
	p.named(at(a.path, "sysctls"), a.Value("sysctls"), "sysctls: {net.ipv4.ip_forward: 1}", func(path string, key Word, v Value) {
		switch {
		case !sysctlName().MatchString(key.Text):
			p.add(key.Pos, path, "only the settings of a network namespace can be set, net.*, found %q", cut(key.Text))
		case v.Kind != Scalar || v.Text == "":
			p.add(v.Pos, path, "want one value, found %s", v.what())
		case octal(key.Text, v.Text) != "":
			n := octal(key.Text, v.Text)
			p.add(v.Pos, path, "%s has a leading zero, which the kernel reads as octal: write %s", cut(n), cut(trimZeros(n)))
		default:
			out = append(out, Sysctl{Key: key, Value: Word{Text: v.Text, Pos: v.Pos}})
		}
	})
	return out
}

// octal returns the first number of a setting that has a leading zero, "" when
// there is none. Sets of processors (rps_default_mask) are hexadecimal.
func octal(key, value string) string {
	if strings.HasSuffix(key, "_mask") || strings.HasSuffix(key, "_bitmap") {
		return ""
	}
	for n := range strings.FieldsSeq(value) {
		if len(n) > 1 && n[0] == '0' && strings.Trim(n, "0123456789") == "" {
			return n
		}
	}
	return ""
}

func (p *parser) hosts(a *Args) []HostEntry {
	var out []HostEntry
	p.named(at(a.path, "hosts"), a.Value("hosts"), "hosts: {blue: 192.168.15.2}", func(path string, name Word, v Value) {
		if problem := HostNameProblem(name.Text); problem != "" {
			p.add(name.Pos, path, "%s", problem)
			return
		}
		if v.Kind != Scalar {
			p.add(v.Pos, path, "want an address, found %s", v.what())
			return
		}
		addr, problem := parseAddr(v.Text)
		if problem != "" {
			p.add(v.Pos, path, "%s", problem)
			return
		}
		out = append(out, HostEntry{Name: name, Address: addr})
	})
	return out
}

func (p *parser) services(a *Args) []Service {
	var out []Service
	p.listed(at(a.path, "services"), a.Value("services"), `services: [{http: 80, body: "hello"}]`, func(path string, v Value) {
		if s, ok := p.service(path, v); ok {
			out = append(out, s)
		}
	})
	return out
}

func (p *parser) service(path string, v Value) (Service, bool) {
	before := p.count
	a := p.object(path, v, "service")
	kind := p.kindOfItem(a, serviceKinds, "http: 80")
	p.paths[kind.Pos] = path
	switch kind.Text {
	case "":
	case "command":
		p.command(a)
	case "dns":
		p.dns(a)
	case "dhcp":
		p.dhcp(a)
	default:
		a.Int(kind.Text, 0, 1, 65535)
		if a.Value(kind.Text).Kind == Absent {
			p.add(kind.Pos, path, "%s needs a port, for example `%s: 80`", kind.Text, kind.Text)
		}
	}
	p.onlyOf(a, kind.Text)
	a.OneOf("pid", Host, Host, "new")
	return Service{Kind: kind, Args: v}, p.count == before
}

// serviceKeys are the further keys of services and the kind that has them.
var serviceKeys = []struct{ key, kind, has string }{
	{"body", "http", "only an http service has a body"},
	{"names", "dns", "only a dns service has names"},
	{"forward", "dns", "only a dns service asks another one"},
	{"pool", "dhcp", "only a dhcp service lends addresses"},
	{"lease", "dhcp", "only a dhcp service lends addresses"},
	{"router", "dhcp", "only a dhcp service tells a router"},
	{"nameservers", "dhcp", "only a dhcp service tells name servers (who is to ask them says so in its `resolv`)"},
}

func (p *parser) onlyOf(a *Args, kind string) {
	for _, k := range serviceKeys {
		if v := a.Value(k.key); v.given() && kind != k.kind && kind != "" {
			p.add(v.Pos, at(a.path, k.key), "%s", k.has)
		}
	}
}

func (p *parser) command(a *Args) {
	v := a.Value("command")
	if v.Kind != List || len(v.Items) == 0 {
		found := v.what()
		if v.Kind == List {
			found = "an empty list"
		}
		a.wrong("command", v, `want a list of words, found %s: write [python3, -m, http.server, "80"] (no shell is used)`, found)
		return
	}
	words := a.Words("command")
	if len(words) > 0 && strings.Contains(words[0].Text, "/") && !strings.HasPrefix(words[0].Text, "/") {
		a.complain(words[0].Pos, nth(at(a.path, "command"), 0), "%q depends on the directory in which nslab is started: give the full path or a plain name", cut(words[0].Text))
	}
}

// port is the number that a service listens at, 0 for a command.
func (s Service) port() int {
	switch s.Kind.Text {
	case "dns":
		return int(s.Listen().Port())
	case "dhcp":
		return bootpsPort
	}
	n, _ := number(s.Args.Get(s.Kind.Text).Text, 1, 65535)
	return n
}

// socket names what a service takes: "tcp 80".
func (s Service) socket() string { return fmt.Sprintf("%s %d", s.protocol(), s.port()) }

func (s Service) protocol() string {
	switch s.Kind.Text {
	case "udp-echo", "dns", "dhcp":
		return "udp"
	}
	return "tcp"
}
