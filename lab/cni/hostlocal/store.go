package hostlocal

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/lab/flock"
)

// Owner is who has an address: one interface of one container.
type Owner struct{ Container, IfName string }

// A reservation is a file whose name is the address; it says whose it is.
func (o Owner) text() string { return o.Container + "\r\n" + o.IfName }

func readOwner(text string) Owner {
	id, ifName, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return Owner{strings.TrimSpace(id), strings.TrimSpace(ifName)}
}

// is says whether a reservation is this owner's. Old ones do not tell the interface.
func (o Owner) is(holder Owner) bool {
	return o.Container == holder.Container && (o.IfName == holder.IfName || holder.IfName == "")
}

// book is what a directory says, read under its lock.
type book struct {
	dir  string
	held map[netip.Addr]Owner
}

// with runs f with the book of the network, which nobody else touches meanwhile.
func (c *Config) with(f func(*book) error) error {
	if err := os.MkdirAll(c.dir(), 0o755); err != nil {
		return err
	}
	lock, err := Lock(filepath.Join(c.dir(), "lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	b, err := readBook(c.dir())
	if err != nil {
		return err
	}
	return f(b)
}

// Lock locks a file, which it makes when there is none, until it is closed:
// flock(2), as host-local does.
func Lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock.Lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// readBook reads the reservations of a directory; there are none when there is
// no directory.
func readBook(dir string) (*book, error) {
	b := &book{dir, map[netip.Addr]Owner{}}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	for _, e := range entries {
		a, perr := netip.ParseAddr(e.Name())
		if perr != nil {
			continue // the lock, the last address
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // released since
		}
		if err != nil {
			return nil, err
		}
		b.held[a] = readOwner(string(text))
	}
	return b, err
}

// reserve writes a reservation. It appears complete or not at all, so that a
// killed nslab leaves none that nobody owns.
func (b *book) reserve(a netip.Addr, o Owner) error {
	return b.write(a.String(), o.text(), os.Link)
}

func (b *book) write(name, text string, put func(from, to string) error) error {
	draft := filepath.Join(b.dir, ".new") // we have the lock: one will do
	// One that a killed nslab has left may be a reservation by another name.
	if err := remove(draft); err != nil {
		return err
	}
	if err := os.WriteFile(draft, []byte(text), 0o644); err != nil {
		return err
	}
	return errors.Join(put(draft, filepath.Join(b.dir, name)), remove(draft))
}

// remove is content when there is nothing to remove.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// last is the address of a range set that was given away last.
func (b *book) last(set int) netip.Addr {
	text, _ := os.ReadFile(b.lastName(set)) // none: begin at the start
	a, _ := netip.ParseAddr(strings.TrimSpace(string(text)))
	return a
}

func (b *book) lastName(set int) string {
	return filepath.Join(b.dir, fmt.Sprintf("last_reserved_ip.%d", set))
}

func (b *book) setLast(set int, a netip.Addr) error {
	return b.write(filepath.Base(b.lastName(set)), a.String(), os.Rename)
}

// release removes the reservations that f says.
func (b *book) release(f func(netip.Addr, Owner) bool) error {
	var errs []error
	for a, o := range b.held {
		if !f(a, o) {
			continue
		}
		errs = append(errs, remove(filepath.Join(b.dir, a.String())))
	}
	return errors.Join(errs...)
}
