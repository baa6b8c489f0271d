package topology

import (
	"encoding/json"
	"path"
	"strings"
)

// Network is a network of CNI, https://www.cni.dev/docs/spec/: the list of the
// plugins that attach a namespace to it.
type Network struct {
	Name Word
	Conf string // the configuration list, as JSON
}

// Attachment is an interface that the plugins of a network make.
type Attachment struct {
	Network      Word
	IfName       Word   // eth0 when not given
	Args         string // CNI_ARGS: "K=V;K=V"
	Capabilities string // what the runtime offers, as a JSON object; empty for nothing
	Pos          Pos
}

const exampleCNI = "cni: {lab: {cniVersion: 1.0.0, plugins: [{type: bridge, bridge: cni0}]}}"

// addressBooks is where a lab's networks may keep what is given away: a private
// directory in a sandbox, and of nobody else on a machine.
const addressBooks = "/run/cni/"

var (
	pluginName = Pattern(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
	jsonNumber = Pattern(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)
)

// cniNetwork reads a network: the list itself, or the name of the file it is
// in. JSON is YAML, so the same reader finds the same mistakes.
func (p *parser) cniNetwork(path string, name Word, v Value) Network {
	if problem := nameProblem(name.Text); problem != "" {
		p.add(name.Pos, path, "%s", problem)
	}
	unread := Network{Name: name, Conf: "{}"} // so that who names it is not wrong as well
	if v.Kind == Scalar {
		var ok bool
		if _, v, ok = p.fetch(path, Word{Text: v.Text, Pos: v.Pos}, v.Pos.File); !ok {
			return unread
		}
	}
	a := &Args{path: path, v: v, sink: p.keep}
	if v.Kind != Map {
		p.add(v.Pos, path, "want a configuration list or the name of its file, found %s: write `%s`", v.what(), exampleCNI)
		return unread
	}
	if version := a.Required("cniVersion", "1.0.0"); version.Text != "" && strings.Count(version.Text, ".") != 2 {
		p.add(version.Pos, at(path, "cniVersion"), "want three numbers, for example 1.0.0, found %q", cut(version.Text))
	}
	if said := a.Word("name"); said.Text != "" && said.Text != name.Text {
		p.add(said.Pos, at(path, "name"), "the network is called %q here and %q in the lab: one name is enough", cut(said.Text), name.Text)
	}
	if a.Value("plugins").Kind == Absent {
		p.add(v.Pos, path, "%q is missing: `plugins: [{type: bridge}]`", "plugins")
	}
	p.listed(at(path, "plugins"), a.Value("plugins"), "plugins: [{type: bridge}]", func(path string, v Value) {
		if v.Kind != Map || v.Get("type").Kind != Scalar {
			p.add(v.Pos, path, "every plugin has a `type`, the name of its program: {type: bridge}")
		}
	})
	p.programs(path, v)
	return Network{Name: name, Conf: p.conflist(name.Text, v)}
}

// programs looks at every `type` and every `dataDir`, however deep: plugins
// call plugins. A lab file runs what the machine has installed under a plain
// name, and writes where nobody else does.
func (p *parser) programs(where string, v Value) {
	for _, item := range v.Items {
		p.programs(where, item)
	}
	if v.Kind != Map {
		return
	}
	if t := v.Get("type"); t.Kind == Scalar && !pluginName().MatchString(t.Text) {
		p.add(t.Pos, at(where, "type"), "%q is not the name of a plugin: letters, digits, _ . - (the machine knows where its plugins are)", cut(t.Text))
	}
	if socket := v.Get("daemonSocketPath"); socket.Kind == Scalar && path.Dir(path.Clean(socket.Text))+"/" != addressBooks {
		p.add(socket.Pos, at(where, "daemonSocketPath"), "%q belongs to the machine: the daemon of a lab has its socket in %s, for example %sdhcp.sock", cut(socket.Text), addressBooks, addressBooks)
	}
	switch dir := v.Get("dataDir"); {
	case dir.Kind == Scalar && !strings.HasPrefix(path.Clean(dir.Text)+"/", addressBooks):
		p.add(dir.Pos, at(where, "dataDir"), "%q belongs to the machine: a lab keeps addresses below %s, for example %snetworks", cut(dir.Text), addressBooks, addressBooks)
	case dir.Kind != Scalar && v.Get("type").Text == "host-local":
		p.add(v.Pos, where, "host-local would keep addresses in /var/lib/cni of the machine, where they outlive the lab: write `dataDir: %snetworks`", addressBooks)
	}
}

// conflist is a configuration list as JSON, under the name that it has in the lab.
func (p *parser) conflist(name string, v Value) string {
	if v.Get("name").Kind == Absent {
		v.Keys = append([]Word{{Text: "name"}}, v.Keys...)
		v.Items = append([]Value{{Kind: Scalar, Text: name}}, v.Items...)
	}
	var b strings.Builder
	p.writeJSON(&b, v)
	return b.String()
}

// writeJSON writes a value as the JSON that was meant: what has no quotes and
// is a number, true or false in JSON is one.
func (p *parser) writeJSON(b *strings.Builder, v Value) {
	switch v.Kind {
	case Absent:
		b.WriteString("null")
	case Scalar:
		plain := !p.quoted[v.Pos] && (v.Text == "true" || v.Text == "false" || jsonNumber().MatchString(v.Text))
		if !plain {
			text, _ := json.Marshal(v.Text) // strings always marshal
			v.Text = string(text)
		}
		b.WriteString(v.Text)
	case List, Map:
		brackets := map[ValueKind]string{List: "[]", Map: "{}"}[v.Kind]
		b.WriteString(brackets[:1])
		for i, item := range v.Items {
			if i > 0 {
				b.WriteString(",")
			}
			if v.Kind == Map {
				key, _ := json.Marshal(v.Keys[i].Text)
				b.WriteString(string(key) + ":")
			}
			p.writeJSON(b, item)
		}
		b.WriteString(brackets[1:])
	}
}

// attachments reads `cni` of a namespace: the name of a network, or a list.
func (p *parser) attachments(a *Args, ns Word) []Attachment {
	v := a.Value("cni")
	if v.given() && ns.Text == Host {
		p.add(v.Pos, at(a.path, "cni"), "the host is where plugins run: they attach a namespace")
		return nil
	}
	var out []Attachment
	one := func(path string, v Value) {
		before := p.count
		if x := p.attachment(path, v); p.count == before {
			out = append(out, x)
		}
	}
	if v.Kind == Scalar || v.Kind == Map {
		one(at(a.path, "cni"), v)
	} else {
		p.listed(at(a.path, "cni"), v, "cni: lab", one)
	}
	return out
}

func (p *parser) attachment(path string, v Value) Attachment {
	p.paths[v.Pos] = path
	x := Attachment{IfName: Word{Text: "eth0", Pos: v.Pos}, Pos: v.Pos}
	if v.Kind == Scalar {
		x.Network = Word{Text: v.Text, Pos: v.Pos}
		return x
	}
	a := p.object(path, v, "attachment")
	x.Network = a.Required("network", "lab")
	p.paths[x.Network.Pos] = at(path, "network")
	if name := a.Word("ifname"); name.Pos.Line != 0 {
		x.IfName = name
		if problem := devProblem(name.Text); problem != "" {
			p.add(name.Pos, at(path, "ifname"), "%s", problem)
		}
	}
	var args []string
	p.named(at(path, "args"), a.Value("args"), "args: {IP: 10.66.0.9}", func(path string, key Word, v Value) {
		if v.Kind != Scalar || strings.ContainsAny(key.Text+v.Text, ";=") {
			p.add(key.Pos, path, "want one value without ; and =, which part CNI_ARGS")
		}
		args = append(args, key.Text+"="+v.Text)
	})
	x.Args = strings.Join(args, ";")
	if c := a.Value("capabilities"); c.Kind == Map {
		var b strings.Builder
		p.writeJSON(&b, c)
		x.Capabilities = b.String()
	} else if c.given() {
		p.add(c.Pos, at(path, "capabilities"), "want a mapping, found %s: write {mac: \"02:00:00:00:00:01\"}", c.what())
	}
	return x
}
