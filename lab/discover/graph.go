package discover

import (
	"fmt"
	"io"
	"strings"

	"nslab/topology"
)

// WriteMermaid draws the machine for mermaid, https://mermaid.js.org: a box for
// each namespace, in it its interfaces, and a line for each cable.
func (m *Machine) WriteMermaid(w io.Writer) error {
	g := graph{quote: mermaidQuote, m: m}
	g.line("graph LR")
	g.boxes(func(id, title string) { g.line("  subgraph %s[%s]", id, title) }, "  end",
		func(id, text string, bridge bool) {
			if bridge {
				g.line("    %s([%s])", id, text)
			} else {
				g.line("    %s[%s]", id, text)
			}
		}, "<br>")
	g.lines(map[string]string{cable: "  %s --- %s", port: "  %s -.- %s", parent: "  %s -. parent .-> %s"})
	_, err := io.WriteString(w, g.out.String())
	return err
}

// WriteDot draws the same for dot(1) of Graphviz.
func (m *Machine) WriteDot(w io.Writer) error {
	g := graph{quote: dotQuote, m: m}
	g.line("graph machine {\n  rankdir=LR; node [shape=box];")
	g.boxes(func(id, title string) { g.line("  subgraph cluster_%s { label=%s;", id, title) }, "  }",
		func(id, text string, bridge bool) {
			shape := ""
			if bridge {
				shape = ", style=rounded"
			}
			g.line("    %s [label=%s%s];", id, text, shape)
		}, `\n`)
	g.lines(map[string]string{cable: "  %s -- %s;", port: "  %s -- %s [style=dashed];", parent: "  %s -- %s [style=dotted, label=parent];"})
	g.line("}")
	_, err := io.WriteString(w, g.out.String())
	return err
}

// Kinds of line in a picture.
const (
	cable  = "cable"
	port   = "port"
	parent = "parent"
)

type graph struct {
	m     *Machine
	out   strings.Builder
	quote func(string) string
}

func (g *graph) line(format string, args ...any) { fmt.Fprintf(&g.out, format+"\n", args...) }

// shown says whether an interface is worth a box: lo is where it has addresses.
func shown(i *Interface) bool { return i.Kind != "loopback" || len(i.Addresses) > 0 }

func (g *graph) id(n *Namespace, i *Interface) string {
	for at, o := range g.m.Namespaces {
		if o == n {
			return fmt.Sprintf("n%d_%d", at, i.Index)
		}
	}
	return ""
}

func (g *graph) boxes(open func(id, title string), end string, box func(id, text string, bridge bool), newline string) {
	for at, n := range g.m.Namespaces {
		open(fmt.Sprintf("n%d", at), g.quote(n.Name))
		for _, i := range n.Interfaces {
			if !shown(i) {
				continue
			}
			words := []string{topology.Quote(i.Name)}
			for _, a := range i.Addresses {
				words = append(words, a.String())
			}
			box(g.id(n, i), strings.ReplaceAll(g.quote(strings.Join(words, "\x00")), "\x00", newline), i.isSwitch())
		}
		g.line("%s", end)
	}
}

// lines draws each cable once, from the end that was read first.
func (g *graph) lines(format map[string]string) {
	drawn := map[string]bool{}
	draw := func(kind, from, to string) {
		if !drawn[to+from] {
			drawn[from+to] = true
			g.line(format[kind], from, to)
		}
	}
	for _, n := range g.m.Namespaces {
		for _, i := range n.Interfaces {
			if m := n.Interface(i.Master); i.Master != "" && m != nil {
				draw(port, g.id(n, i), g.id(n, m))
			}
			if there, other := g.end(i.Peer); other != nil {
				draw(cable, g.id(n, i), g.id(there, other))
			}
			if there, other := g.end(i.Parent); other != nil && shown(i) {
				draw(parent, g.id(n, i), g.id(there, other))
			}
		}
	}
}

func (g *graph) end(e *End) (*Namespace, *Interface) {
	if e == nil {
		return nil, nil
	}
	n := g.m.Namespace(e.Namespace)
	if n == nil {
		return nil, nil
	}
	return n, n.Interface(e.Interface)
}

// mermaidQuote writes what would end the text, or be markup, as its number.
func mermaidQuote(s string) string {
	var out strings.Builder
	for _, r := range s {
		if strings.ContainsRune("\"#;<>&`\\", r) {
			fmt.Fprintf(&out, "#%d;", r)
		} else {
			out.WriteRune(r)
		}
	}
	return `"` + out.String() + `"`
}

func dotQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
