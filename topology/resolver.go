package topology

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// hostName reads one name that a namespace is called by.
func (p *parser) hostName(a *Args, key string) Word {
	w := a.Word(key)
	if w.Pos.Line == 0 {
		return w
	}
	if problem := HostNameProblem(w.Text); problem != "" {
		p.add(w.Pos, at(a.path, key), "%s", problem)
		return Word{}
	}
	return w
}

func (p *parser) aliases(a *Args) []Word {
	var out []Word
	for i, w := range a.Words("aliases") {
		if problem := HostNameProblem(w.Text); problem != "" {
			p.add(w.Pos, nth(at(a.path, "aliases"), i), "%s", problem)
			continue
		}
		out = append(out, w)
	}
	return out
}

// linked reads `link: ["db:mysql"]`, NAMESPACE or NAMESPACE:ALIAS.
func (p *parser) linked(a *Args) []NameLink {
	var out []NameLink
	for i, w := range a.Words("link") {
		path := nth(at(a.path, "link"), i)
		to, alias, ok := strings.Cut(w.Text, ":")
		if !ok {
			alias = to
		}
		if problem := HostNameProblem(alias); problem != "" {
			p.add(w.Pos, path, "want a namespace, or a namespace and what to call it, such as db:mysql: %s", problem)
			continue
		}
		p.paths[w.Pos] = path
		out = append(out, NameLink{To: Word{to, w.Pos}, Alias: Word{alias, w.Pos}})
	}
	return out
}

// Limits of resolv.conf(5): a resolver takes no notice of further servers.
const maxNameservers = 3

// resolvOptions are the options of resolv.conf(5).
var resolvOptions = []string{
	"ndots", "timeout", "attempts", "debug", "rotate", "no-aaaa", "no-check-names", "inet6", "edns0", "single-request",
	"single-request-reopen", "no-tld-query", "use-vc", "no-reload", "trust-ad",
}

var resolvOption = Pattern(`^(ndots|timeout|attempts):[0-9]{1,2}$|^[a-z0-9-]+$`)

// resolv reads `resolv: {nameservers: [127.0.0.11], options: ["ndots:0"]}`.
func (p *parser) resolv(a *Args) Resolv {
	v := a.Value("resolv")
	if !v.given() {
		return Resolv{}
	}
	o := p.object(at(a.path, "resolv"), v, "resolv")
	r := Resolv{Pos: v.Pos, Nameservers: p.nameservers(o), Search: o.Words("search")}
	for i, w := range r.Search {
		if problem := HostNameProblem(w.Text); problem != "" {
			p.add(w.Pos, nth(at(o.path, "search"), i), "%s", problem)
		}
	}
	for i, w := range o.Words("options") {
		if problem := ResolvOptionProblem(w.Text); problem != "" {
			p.add(w.Pos, nth(at(o.path, "options"), i), "%s", problem)
			continue
		}
		r.Options = append(r.Options, w)
	}
	if v.Kind == Absent || v.Kind == Map && len(v.Keys) == 0 {
		p.add(v.Pos, o.path, "want a name server, for example {nameservers: [127.0.0.11]}")
	}
	return r
}

func (p *parser) nameservers(o *Args) []netip.Addr {
	var out []netip.Addr
	for i, w := range o.Words("nameservers") {
		path := nth(at(o.path, "nameservers"), i)
		addr, problem := parseAddr(w.Text)
		if problem == "" && i >= maxNameservers {
			problem = fmt.Sprintf("a resolver asks the first %d servers and no more (resolv.conf(5))", maxNameservers)
		}
		if problem != "" {
			p.add(w.Pos, path, "%s", problem)
			continue
		}
		out = append(out, addr)
	}
	return out
}

// ResolvOptionProblem says what is wrong with an option of resolv.conf(5).
func ResolvOptionProblem(text string) string {
	name, _, _ := strings.Cut(text, ":")
	switch {
	case !slices.Contains(resolvOptions, name):
		return Unknown("option", name, resolvOptions)
	case !resolvOption().MatchString(text):
		return fmt.Sprintf("%q is no option of resolv.conf(5): write for example ndots:0", cut(text))
	}
	return ""
}

// Lines is the text of the file.
func (r Resolv) Lines() string {
	var out strings.Builder
	words := func(key string, list []Word) {
		if len(list) == 0 {
			return
		}
		out.WriteString(key)
		for _, w := range list {
			out.WriteString(" " + w.Text)
		}
		out.WriteString("\n")
	}
	words("search", r.Search)
	for _, a := range r.Nameservers {
		out.WriteString("nameserver " + a.String() + "\n")
	}
	words("options", r.Options)
	return out.String()
}
