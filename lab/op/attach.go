package op

import (
	"fmt"

	"nslab/lab/netns"
	"nslab/topology"
)

// Attach is the fact that a namespace has a second name, as `ip netns attach`
// gives one: whoever is in the one is in the other. It is what `docker run
// --network host` and `--network container:web` do.
type Attach struct{ Name, To string }

// Do gives the name.
func (a Attach) Do(k *Kernel) error {
	return k.Inside(a.To, func() error { return netns.Attach(a.Name) })
}

// Undo removes the name; the namespace stays as long as the other one.
func (a Attach) Undo(k *Kernel) error {
	n := Namespace{a.Name}
	if n.leftover() {
		return gone(netns.Delete(a.Name))
	}
	same, err := a.same(k)
	if err == nil && !same || absent(err) { // the other one was made anew: then the mark tells
		same, err = n.own(k)
	}
	if err != nil || !same {
		return gone(err)
	}
	return gone(netns.Delete(a.Name))
}

// Diff compares the two.
func (a Attach) Diff(k *Kernel) (string, error) {
	if (Namespace{a.Name}).leftover() {
		return "namespace " + a.Name + " is only half made: its name is an empty file", nil
	}
	same, err := a.same(k)
	switch {
	case err != nil:
		return missing("namespace "+a.Name+" or "+a.To, err)
	case same:
		return "", nil
	}
	if own, err := (Namespace{a.Name}).own(k); err != nil || own {
		return fmt.Sprintf("namespace %s is not that of %s", a.Name, a.To), gone(err)
	}
	return fmt.Sprintf("a namespace %s exists, but %s: %s, then nslab apply", a.Name, Foreign, a.Inverse()), nil
}

func (a Attach) same(k *Kernel) (bool, error) {
	dev, ino, err := netns.ID(a.Name)
	if err != nil {
		return false, err
	}
	to, err := k.Open(a.To)
	if err != nil {
		return false, halfMade(a.To, err)
	}
	defer to.Close()
	toDev, toIno, err := to.ID()
	return dev == toDev && ino == toIno, err
}

// Command mounts the one on the name of the other. (`ip netns attach` wants a
// process, and nobody may be in there.)
func (a Attach) Command() Command {
	name := netns.Dir + "/" + a.Name
	if a.To == topology.Host { // whose lab may have no other namespace
		return Command{"mkdir", "-p", netns.Dir}.Then("touch", name).Then("mount", "--bind", "/proc/self/ns/net", name)
	}
	return Command{"touch", name}.Then("mount", "--bind", netns.Dir+"/"+a.To, name)
}

// Inverse is ip netns del.
func (a Attach) Inverse() Command { return Command{"ip", "netns", "del", a.Name} }

func (a Attach) String() string { return fmt.Sprintf("namespace %s is that of %s", a.Name, a.To) }

// On is the other namespace.
func (a Attach) On() []Object { return []Object{NetNS(a.To)} }

// Makes is the name.
func (a Attach) Makes() []Object { return []Object{NetNS(a.Name)} }
