// Package op holds the facts a lab is made of, one file each. A fact is the
// smallest thing that is true or false of the kernel: "veth-red in red has
// 192.168.15.1/24". It knows how to make itself true and false, how to see
// whether it is true, and what a person would type to the same end, so that
// building, destroying, checking and explaining a lab are loops over facts.
package op

import (
	"slices"
	"strings"
)

// Op is one fact. Its implementations are plain comparable values: two facts
// are the same when == says so, and a set of facts is a map.
type Op interface {
	// Do makes the fact true. It fails when something of that name is there
	// already: the engine asks Diff first.
	Do(*Kernel) error
	// Undo makes the fact false and is content when it is false already, by
	// whatever hand. What is not the lab's own is left alone.
	Undo(*Kernel) error
	// Diff says how the kernel differs from the fact, "" when it is true.
	Diff(*Kernel) (string, error)
	// Command is what a person types to make the fact true, Inverse what makes
	// it false. An empty Command means that nobody has to type anything.
	Command() Command
	Inverse() Command
	// String is the fact as a sentence.
	String() string
	// On names the objects the fact cannot outlive: an address goes with its
	// interface, an interface with its namespace.
	On() []Object
}

// Foreign stands in every Diff of what has our name and is another's: apply
// leaves that alone, so the Diff goes on to say what helps.
const Foreign = "this lab did not make it"

// IsForeign says whether a Diff tells of something that apply cannot mend.
func IsForeign(diff string) bool { return strings.Contains(diff, Foreign) }

// Maker is a fact that brings objects into being, on which others stand.
type Maker interface {
	Op
	Makes() []Object
}

// Rememberer is a fact whose "false" is not nothing but an older value, such
// as a sysctl. Before is asked once, ahead of Do; Undo finds the answer in
// Kernel.Was.
type Rememberer interface {
	Op
	Before(*Kernel) (string, error)
}

// Object names something of the kernel that facts stand on: "netns/red",
// "link/red/veth-red".
type Object string

// NetNS is the object a namespace is. The lab's host is never made by a lab.
func NetNS(ns string) Object { return Object("netns/" + ns) }

// IsNamespace says whether the object is a namespace.
func (o Object) IsNamespace() bool { return strings.HasPrefix(string(o), "netns/") }

// Dev is the object an interface is.
func Dev(ns, dev string) Object { return Object("link/" + ns + "/" + dev) }

// Makes returns the objects a fact brings into being, nil for most.
func Makes(o Op) []Object {
	if m, ok := o.(Maker); ok {
		return m.Makes()
	}
	return nil
}

// Roots returns the facts of gone that must be undone by their own hand, in
// the given order: the rest stand on objects that go with another fact of gone.
func Roots(gone []Op) []Op {
	made := map[Object]bool{}
	for _, o := range gone {
		for _, m := range Makes(o) {
			made[m] = true
		}
	}
	stands := func(o Op) bool {
		return slices.ContainsFunc(o.On(), func(b Object) bool { return made[b] })
	}
	return slices.DeleteFunc(slices.Clone(gone), stands)
}
