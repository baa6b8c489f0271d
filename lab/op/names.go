package op

import (
	"fmt"
	"os"
	"path/filepath"

	"nslab/lab/netns"
)

// Names is the fact that /run/netns can hold names: it is a shared mount, as
// the first `ip netns add` makes it. What it was before is kept for all labs
// together, beside their directories, and put back with the last name.
type Names struct{}

func (Names) memory(k *Kernel) string {
	return filepath.Join(filepath.Dir(k.Dir), ".netns-before")
}

// Do makes the mount, and writes down first what was there.
func (n Names) Do(k *Kernel) error {
	return k.alone(func() error {
		was := netns.DirState()
		if was != netns.Shared {
			if err := writeFile(k, n.memory(k), was); err != nil {
				return err
			}
		}
		return k.Around("share", netns.Dir, netns.Points(k.point).Share)
	})
}

// Undo puts back what was there, when no name is left and a lab had changed it. The
// last lab does: another one may be about to make its first name.
func (n Names) Undo(k *Kernel) error {
	if _, err := os.Lstat(n.memory(k)); err != nil {
		return gone(err)
	}
	return gone(k.alone(func() error {
		if others, err := k.others(); err != nil || others {
			return err
		}
		return n.unshare(k)
	}))
}

func (n Names) unshare(k *Kernel) error {
	was, err := os.ReadFile(n.memory(k))
	if err != nil {
		return gone(err)
	}
	done := false
	if err := k.Around("unshare", netns.Dir, func() error {
		done, err = netns.Unshare(string(was))
		return err
	}); err != nil || !done {
		return err
	}
	return k.Around("remove", n.memory(k), func() error { return os.Remove(n.memory(k)) })
}

// Diff looks at the mount.
func (Names) Diff(*Kernel) (string, error) {
	if s := netns.DirState(); s != netns.Shared {
		return fmt.Sprintf("%s is %s, not a mount that every namespace shares", netns.Dir, s), nil
	}
	return "", nil
}

// Command is nothing: `ip netns add` does it by itself.
func (Names) Command() Command { return nil }

// Inverse is nothing either: ip(8) leaves the mount for ever.
func (Names) Inverse() Command { return nil }

func (Names) String() string { return netns.Dir + " holds names" }

// On is nothing.
func (Names) On() []Object { return nil }
