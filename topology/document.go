package topology

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// document reads a file into a Value, by hand: yaml.v3 would drop second
// documents, expand aliases, read 010 as 8 and lose the columns.
func (p *parser) document(src Source) (Value, bool) {
	text, ok := p.text(src)
	if !ok {
		return Value{}, false
	}
	first, second, err := load(text)
	if err != nil {
		p.keep(syntaxError(src.Name, text, err))
		return Value{}, false
	}
	if second != nil {
		p.add(pos(src.Name, second), "", "a second YAML document begins here: one lab per file (is the line `---` above it a slip?)")
	}
	start := Pos{File: src.Name, Line: 1, Col: 1}
	if first == nil || blank(first.Content[0]) {
		p.add(start, "", "the file is empty: a lab begins with `name: my-lab` and `namespaces: {red: {}}`")
		return Value{}, false
	}
	if p.nodes += count(first); p.nodes > maxNodes {
		p.add(start, "", "the lab has %d keys and values, the limit is %d", p.nodes, maxNodes)
		return Value{}, false
	}
	v := p.value(src.Name, first.Content[0], 0)
	if v.Kind != Map {
		p.add(v.Pos, "", "want a mapping (key: value) at the top of the file, found %s", v.what())
		return Value{}, false
	}
	return v, true
}

// load returns the first document and, if there is one, the second. It returns
// an error where yaml.v3 v3.0.1 panics.
func load(text []byte) (first, second *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	d := yaml.NewDecoder(bytes.NewReader(text))
	if first, err = next(d); first == nil || err != nil {
		return nil, nil, err
	}
	second, err = next(d)
	return first, second, err
}

func next(d *yaml.Decoder) (*yaml.Node, error) {
	var n yaml.Node
	err := d.Decode(&n)
	if errors.Is(err, io.EOF) || err == nil && n.Kind == 0 {
		return nil, nil
	}
	return &n, err
}

func blank(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func count(n *yaml.Node) int {
	sum := 1
	for _, c := range n.Content {
		sum += count(c)
	}
	return sum
}

func pos(file string, n *yaml.Node) Pos { return Pos{File: file, Line: n.Line, Col: n.Column} }

// value turns a node into a Value and complains about what a lab file may not
// use. Null becomes an Absent Value with a place.
func (p *parser) value(file string, n *yaml.Node, depth int) Value {
	at := pos(file, n)
	if depth > maxDepth {
		p.once(at, "nested deeper than %d levels", maxDepth)
		return Value{Pos: at}
	}
	p.plain(at, n)
	switch n.Kind {
	case yaml.MappingNode:
		return p.mapping(file, n, depth)
	case yaml.SequenceNode:
		v := Value{Kind: List, Pos: at, Items: slices.Grow([]Value(nil), len(n.Content))}
		for _, c := range n.Content {
			v.Items = append(v.Items, p.value(file, c, depth+1))
		}
		return v
	case yaml.ScalarNode:
		return p.scalar(at, n)
	case yaml.AliasNode, yaml.DocumentNode: // refused above, and never within another
	}
	return Value{Pos: at}
}

// plain refuses the parts of YAML that make a file mean something else than it
// shows.
func (p *parser) plain(at Pos, n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		p.add(at, "", "YAML aliases (*%s) are not supported: write it out", n.Value)
	case n.Anchor != "":
		p.add(at, "", "YAML anchors (&%s) are not supported: write it out", n.Anchor)
	case n.Style&yaml.TaggedStyle != 0:
		p.add(at, "", "YAML tags (%s) are not supported: leave it out", n.Tag)
	}
}

func (p *parser) scalar(at Pos, n *yaml.Node) Value {
	if blank(n) && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 {
		return Value{Pos: at}
	}
	for _, r := range n.Value {
		if forbidden(r) {
			p.add(at, "", "%q contains the control character U+%04X", cut(n.Value), r)
			return Value{Kind: Scalar, Pos: at}
		}
	}
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		p.quoted[at] = true
	}
	return Value{Kind: Scalar, Text: n.Value, Pos: at}
}

func (p *parser) mapping(file string, n *yaml.Node, depth int) Value {
	size := len(n.Content) / 2
	v := Value{Kind: Map, Pos: pos(file, n), Keys: slices.Grow([]Word(nil), size), Items: slices.Grow([]Value(nil), size)}
	seen := map[string]Pos{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, ok := p.key(file, n.Content[i])
		item := p.value(file, n.Content[i+1], depth+1)
		if !ok {
			continue
		}
		if first, twice := seen[k.Text]; twice {
			p.add(k.Pos, "", "the key %q is already there in line %d: a key can be written once", k.Text, first.Line)
			continue
		}
		seen[k.Text] = k.Pos
		v.Keys, v.Items = append(v.Keys, k), append(v.Items, item)
	}
	return v
}

func (p *parser) key(file string, n *yaml.Node) (Word, bool) {
	at := pos(file, n)
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!merge":
		p.add(at, "", "YAML merge keys (<<) are not supported: write the keys out")
		return Word{}, false
	case n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode:
		p.add(at, "", "a key must be a word, found a %s", kindOf(n))
		return Word{}, false
	case utf8.RuneCountInString(n.Value) > maxKey:
		p.add(at, "", "the key %q has %d characters, the limit is %d", cut(n.Value), utf8.RuneCountInString(n.Value), maxKey)
		return Word{}, false
	}
	before := p.count
	p.plain(at, n)
	v := p.scalar(at, n)
	if v.Kind == Absent && p.count == before {
		p.add(at, "", "%s", nullKey(n.Value))
	}
	return Word{Text: v.Text, Pos: at}, v.Kind == Scalar && p.count == before
}

// nullKey words a key that YAML reads as nothing.
func nullKey(text string) string {
	if text == "" {
		return "a key is missing before the colon"
	}
	return fmt.Sprintf("the key %s means nothing to YAML: write %q", text, text)
}

func kindOf(n *yaml.Node) string {
	if n.Kind == yaml.MappingNode {
		return "mapping"
	}
	return "list"
}

// cut shortens a text of the file for a message.
func cut(s string) string {
	const limit = 60
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit]) + "…"
}
