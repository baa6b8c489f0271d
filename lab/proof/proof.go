// Package proof shows that a machine is as it was: it prints everything that a
// lab could leave behind or break in the network of the machine around it, and
// compares two such prints.
//
// A print is text: sections of sorted lines, "object: word=value ...". It is
// read from the kernel, without the help of other programs, and it holds what
// stays the same as long as nobody changes it. Counters, timers, lifetimes and
// what a neighbour has taught are left out, as are the kernel modules: what
// autoloads one finds it useful, and no lab unloads it.
package proof

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Section is one part of a print, such as the routes.
type Section struct {
	Name  string
	Lines []string // sorted
}

// Print is the fingerprint of a machine. As JSON it is an object that has a
// list of lines for every section, in the order of the print.
type Print []Section

// Lines is how many lines a print has in all its sections.
func (p Print) Lines() int {
	n := 0
	for _, s := range p {
		n += len(s.Lines)
	}
	return n
}

// Section returns the lines of a section.
func (p Print) Section(name string) []string {
	for _, s := range p {
		if s.Name == name {
			return s.Lines
		}
	}
	return nil
}

// MarshalJSON keeps the order of the sections.
func (p Print) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, s := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(s.Name)
		if err != nil {
			return nil, err
		}
		lines, err := json.Marshal(append([]string{}, s.Lines...))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s:%s", name, lines)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *Print) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("a print is an object of sections, found %v: %w", t, err)
	}
	*p = nil
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		s := Section{Name: fmt.Sprint(name)}
		if err := d.Decode(&s.Lines); err != nil {
			return fmt.Errorf("section %v: %w", name, err)
		}
		*p = append(*p, s)
	}
	return nil
}
