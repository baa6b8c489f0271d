package op

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"nslab/topology"
)

// Sysctl is the fact that a kernel setting of a namespace has a value. Its
// "false" is the value from before.
type Sysctl struct {
	NS, Key, Value string
	Optional       bool // a kernel without this key is as good as one with the value
}

// path is the file behind the key; sysctl(8) writes a dot inside an interface
// name as a slash.
func (s Sysctl) path() string {
	swap := strings.NewReplacer(".", "/", "/", ".")
	return "/proc/sys/" + swap.Replace(s.Key)
}

// want is the value as the kernel prints it.
func (s Sysctl) want() string { return oneLine([]byte(s.Value)) }

func (s Sysctl) read(k *Kernel) (value string, err error) {
	err = k.enter(s.NS, func() error {
		value, err = readSetting(s.path())
		return err
	})
	return value, err
}

// Before is the value that Undo puts back, with those that the kernel changes along.
func (s Sysctl) Before(k *Kernel) (was string, err error) {
	if was, known := k.bornWith(s); known {
		return was, nil
	}
	err = k.enter(s.NS, func() error {
		all, err := readAlong(k.scratch(), s.path())
		was = all.text(s.path())
		return err
	})
	if err == nil {
		k.seeBorn(s, was)
	}
	if s.Optional && errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return was, err
}

// Do sets the value. On the host, which labs share, it is written down first
// who wants it.
func (s Sysctl) Do(k *Kernel) error {
	return k.Inside(s.NS, func() error {
		return s.counted(k, func(u *sysctlUsers) error {
			if err := u.join(s); err != nil {
				return err
			}
			return writeFile(k, s.path(), s.Value)
		})
	})
}

// Undo puts the old values back, each unless somebody else has changed it
// since, when no other lab wants ours and the namespace is still there.
func (s Sysctl) Undo(k *Kernel) error {
	return gone(k.Inside(s.NS, func() error {
		return s.counted(k, func(u *sysctlUsers) error { return u.leave(s, k.was(s)) })
	}))
}

// Diff reads the value.
func (s Sysctl) Diff(k *Kernel) (string, error) {
	now, err := s.read(k)
	if s.Optional && errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return missing(s.Key+" "+place(s.NS), err)
	}
	if now != s.want() {
		return fmt.Sprintf("%s %s is %s, not %s", s.Key, place(s.NS), now, s.Value), nil
	}
	return "", nil
}

// Command is sysctl -qw.
func (s Sysctl) Command() Command {
	if s.Optional {
		return inside(s.NS, "sysctl", "-qew", s.Key+"="+s.Value)
	}
	return inside(s.NS, "sysctl", "-qw", s.Key+"="+s.Value)
}

// Inverse is what the value was before; nobody can type that without knowing.
func (s Sysctl) Inverse() Command {
	if s.NS != topology.Host {
		return nil // it goes with the namespace
	}
	return Remark("put " + s.Key + " back to what it was")
}

func (s Sysctl) String() string { return fmt.Sprintf("%s=%s %s", s.Key, s.Value, place(s.NS)) }

// On is the namespace.
func (s Sysctl) On() []Object { return []Object{NetNS(s.NS)} }
