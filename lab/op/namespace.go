package op

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// Namespace is the fact that a named network namespace exists, as
// ip-netns(8) makes it. It is known as the lab's own by the alias of its lo,
// which is set before the name appears under /run/netns.
type Namespace struct{ Name string }

// Do makes the namespace.
func (n Namespace) Do(k *Kernel) error {
	mark := request{kind: unix.RTM_SETLINK, body: linkMessage(loIndex, 0, 0).text(unix.IFLA_IFALIAS, k.Mark("netns"))}
	err := k.create(n.Name, func() error {
		errs, err := k.sendHere([]request{mark}, nil)
		if err != nil {
			return err
		}
		return errs[0]
	})
	if err == nil {
		k.empty(n.Name)
	}
	return err
}

// Undo removes the name; the kernel frees the namespace when nobody is in it.
func (n Namespace) Undo(k *Kernel) error {
	own, err := n.own(k)
	if own || n.leftover() {
		return gone(netns.Delete(n.Name))
	}
	return gone(err)
}

// leftover is the empty file of a Do that was killed before its mount.
func (n Namespace) leftover() bool {
	fi, err := os.Lstat(netns.Dir + "/" + n.Name)
	return err == nil && fi.Mode().IsRegular() && fi.Size() == 0 && !netns.Exists(n.Name)
}

// halfMade makes the error of opening a leftover one of a namespace that does
// not exist: what stood in it is false.
func halfMade(ns string, err error) error {
	if (Namespace{ns}).leftover() {
		return fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	return err
}

func (n Namespace) own(k *Kernel) (bool, error) {
	lo, err := k.lo(n.Name)
	return err == nil && lo.alias == k.Mark("netns"), err
}

// Diff looks for the name and the mark.
func (n Namespace) Diff(k *Kernel) (string, error) {
	err := k.survey(n.Name) // whoever asks this is going to ask more
	own := false
	if err == nil {
		own, err = n.own(k)
	}
	switch {
	case err != nil && n.leftover():
		return "namespace " + n.Name + " is only half made: its name is an empty file", nil
	case err != nil:
		return missing("namespace "+n.Name, err)
	case !own:
		return fmt.Sprintf("a namespace %s exists, but %s: %s, then nslab apply", n.Name, Foreign, n.Inverse()), nil
	}
	return "", nil
}

// Command is ip netns add.
func (n Namespace) Command() Command { return Command{"ip", "netns", "add", n.Name} }

// Inverse is ip netns del.
func (n Namespace) Inverse() Command { return Command{"ip", "netns", "del", n.Name} }

func (n Namespace) String() string { return "namespace " + n.Name }

// On is nothing: a namespace stands by itself.
func (n Namespace) On() []Object { return nil }

// Makes is the namespace with its lo.
func (n Namespace) Makes() []Object { return []Object{NetNS(n.Name), Dev(n.Name, "lo")} }
