package probe

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"nslab/topology"
)

// kind is a kind of question: how it is written and what may be expected.
type kind struct {
	read   func(*reader) []Probe
	words  []string // expectations of one word, the one for an absent `expect` first
	fields []field  // expectations that are a mapping
	list   string   // the field that a bare list stands for
	within time.Duration
	once   bool // has effects: is not asked again to see whether it changes
	last   bool // looks at what the packets of the others leave behind
}

type field struct {
	key  string
	read value
}

func (k kind) value(key string) value {
	for _, f := range k.fields {
		if f.key == key {
			return f.read
		}
	}
	return anyText
}

// replies are the expectations of everything that sends packets.
func replies() []string {
	return []string{string(Reply), string(Unreachable), string(NoReply), string(Refused), fails}
}

// kinds is the table. A new kind is a new file and a line here.
var kinds = map[string]kind{
	"ping":        {read: readPing, words: replies()},
	"tcp":         {read: readTCP, words: replies()},
	"udp":         {read: readUDP, words: replies()},
	"http":        {read: readHTTP, words: replies(), fields: []field{{"status", upTo(maxStatus)}, {"body", anyText}, {"seen-as", address}}},
	"resolve":     {read: readResolve, words: []string{string(Reply), fails, none}, fields: []field{{"address", address}}, list: "address"},
	"route":       {read: readRoute, words: []string{string(Present), none}, fields: []field{{"via", address}, {"dev", anyText}, {"src", address}}},
	"address":     {read: readAddress, words: []string{string(Present), none}, fields: []field{{"has", prefix}, {"all", prefix}}, list: "all"},
	"neighbour":   {read: readNeighbour, words: []string{string(Present), string(Absent)}, last: true},
	"link":        {read: readLink, words: []string{string(Present), none}, fields: linkFields},
	"namespace":   {read: readNamespace, words: []string{string(Same), string(Different)}},
	"packet":      {read: readPacket, words: []string{string(Present), none}, fields: packetFields},
	"listen":      {read: readListen, words: []string{string(Free), string(Taken)}},
	"process":     {read: readProcess, words: []string{string(Present), none}, fields: []field{{"pid", pidInside}}},
	"translation": {read: readTranslation, words: replies(), fields: translationFields, list: "seen-as"},
	"command":     {read: readCommand, words: []string{string(Ran)}, fields: []field{{"status", upTo(maxStatus)}, {"stdout", anyText}}, within: commandWithin, once: true},
}

// Kinds lists the kinds of question.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds)) }

// Read turns an item of verify into its assertions; one item may be many
// pairs. Every mistake is a *topology.Error.
func Read(c topology.Check, s *topology.State) ([]Assertion, []error) {
	k, ok := kinds[c.Kind.Text]
	if !ok {
		return nil, []error{mistake(c.Kind.Pos, "%s", topology.Unknown("kind of check", c.Kind.Text, Kinds()))}
	}
	r := &reader{Args: topology.NewArgs("verify."+c.Kind.Text, c.Args), state: s, known: s.Directory(), check: c}
	probes := k.read(r)
	expect, errs := k.readExpect(c.Expect)
	if err := r.Err(); err != nil {
		errs = append([]error{err}, errs...)
	}
	within, err := readWithin(c.Within, k.within)
	if err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	if c.Kind.Text == "command" {
		expect = expect.succeeds()
	}
	out := make([]Assertion, len(probes))
	for i, p := range probes {
		out[i] = Assertion{Check: &c, Probe: p, Expect: expect, within: within}
	}
	return out, nil
}

func readWithin(w topology.Word, otherwise time.Duration) (time.Duration, error) {
	if w.Text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(w.Text)
	if err != nil || d <= 0 {
		return 0, mistake(w.Pos, "within: want a duration such as 2s, found %q", w.Text)
	}
	return d, nil
}

// Title is the question as a sentence in English that is true when the
// assertion holds; Check.Title has the author's own words.
func (a Assertion) Title() string {
	p, e := a.Probe, a.Expect
	switch {
	case e.negative(), e.Word == string(Refused):
		s := strings.Replace(p.String(), " reaches ", " does not reach ", 1)
		if e.Word == fails {
			return s
		}
		return s + ": " + e.Word
	case len(e.Fields) > 0, e.Word == none, e.Word == string(Absent), e.Word == string(Different), e.Word == string(Taken):
		return p.String() + ": " + e.String()
	}
	return p.String()
}

// mistake is a mistake of the file.
func mistake(pos topology.Pos, format string, args ...any) error {
	return &topology.Error{Pos: pos, Path: "verify", Msg: fmt.Sprintf(format, args...)}
}

// reader reads the arguments of a question and knows the lab it is put in.
type reader struct {
	*topology.Args
	state *topology.State
	known *topology.Directory
	check topology.Check
}

// place reads a node that questions can be asked from: a namespace or the host.
func (r *reader) place(key string) string { return r.asker(r.Required(key, "red")) }

func (r *reader) asker(w topology.Word) string {
	if w.Text == "" {
		return "" // complained about already
	}
	if _, ok := r.state.Bridge(w.Text); ok {
		r.Complain(w.Pos, "%s is a bridge: a switch asks nothing, ask from a namespace or from the host", w)
	} else if !r.state.HasNode(w.Text) {
		r.Complain(w.Pos, "%s", topology.Unknown("node", w.Text, r.nodes()))
	}
	if r.state.Home(w.Text) == topology.Host { // a second name of the host is the host
		return topology.Host
	}
	return w.Text
}

func (r *reader) nodes() []string {
	out := []string{topology.Host}
	for _, n := range r.state.Namespaces {
		out = append(out, n.Name.Text)
	}
	for _, b := range r.state.Bridges {
		out = append(out, b.Name.Text)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// target is where a question goes.
type target struct {
	addr netip.Addr
	node string // the node the file names, "" when it names an address
}

func (t target) String() string {
	if t.node == "" {
		return t.addr.String()
	}
	return t.node + " (" + t.addr.String() + ")"
}

func (t target) nodes(more ...string) []string {
	if t.node == "" {
		return more
	}
	return append(more, t.node)
}

// resolve finds the address that `from` reaches a node at.
func (r *reader) resolve(from string, at topology.Pos, to string) target {
	if to == "" || from == "" {
		return target{}
	}
	addr, err := r.known.Resolve(from, to)
	switch {
	case err != nil && !r.state.HasNode(to):
		r.Complain(at, "%q is neither an address nor a node: %s", to, topology.Unknown("node", to, r.nodes()))
	case err != nil:
		r.Complain(at, "%v", err)
	case addr.Zone() != "":
		r.Complain(at, "%s: want an address without an interface; link-local addresses cannot be asked for", to)
	}
	if r.known.HasNode(to) {
		return target{addr, to}
	}
	return target{addr: addr}
}

// service reads "node:port" or "address:port".
func (r *reader) service(from, key string) (t target, port uint16) {
	w := r.Required(key, `"blue:80"`)
	if w.Text == "" {
		return target{}, 0
	}
	host, p, err := net.SplitHostPort(w.Text)
	if err != nil {
		r.Complain(w.Pos, "want a node or an address with a port, such as blue:80 or [fd00::2]:80, found %q", w.Text)
		return target{}, 0
	}
	port, err = readPort(p)
	if err != nil {
		r.Complain(w.Pos, "%v", err)
	}
	return r.resolve(from, w.Pos, host), port
}

func readPort(s string) (uint16, error) {
	n, err := topology.Number(s, 1, 65535)
	if err != nil {
		return 0, fmt.Errorf("port: %w", err)
	}
	return uint16(n), nil
}
