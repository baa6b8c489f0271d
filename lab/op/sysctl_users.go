package op

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/topology"
)

// sysctlUsers is which labs of a machine want which settings of its host, and
// what those were before the first of them: only the last one puts it back. It
// is kept beside the directories of the labs. What is about to be done is
// written down before it is done.
type sysctlUsers struct {
	kernel *Kernel // whose points it has
	dir    string  // of the labs; "" when nothing is to be kept
	self   string  // the lab that asks
	boot   string  // the machine's, see bootID
	keys   map[string]*sysctlUse
	past   map[string]bool // keys of which the register speaks from before a reboot
}

// sysctlUse is one setting. A reboot ends it, where /run is on a disk and the
// register outlives one: what the setting is then is nobody's but the machine's.
type sysctlUse struct {
	Boot    string       `json:"boot,omitempty"`
	Before  settings     `json:"before"`
	Users   []sysctlUser `json:"users"`
	Restore settings     `json:"restore,omitempty"` // what was being put back when nslab died
}

type sysctlUser struct {
	Lab   string `json:"lab"`
	Value string `json:"value"`
}

// counted runs f with the register of the host's settings, locked; in any other
// namespace, which is the lab's alone, with an empty one.
func (s Sysctl) counted(k *Kernel, f func(*sysctlUsers) error) error {
	if s.NS != topology.Host || k.Dir == "" {
		return f(&sysctlUsers{kernel: k, keys: map[string]*sysctlUse{}})
	}
	return withSysctlUsers(filepath.Dir(k.Dir), filepath.Base(k.Dir), func(u *sysctlUsers) error {
		u.kernel = k
		return f(u)
	})
}

func withSysctlUsers(dir, self string, f func(*sysctlUsers) error) error {
	u := &sysctlUsers{dir: dir, self: self, keys: map[string]*sysctlUse{}}
	lock, err := lockLabs(dir)
	if errors.Is(err, fs.ErrNotExist) {
		u.dir = ""
		return f(u)
	}
	if err != nil {
		return err
	}
	defer lock.Close() // drops the lock
	if u.boot, err = bootID(); err != nil {
		return err
	}
	if err := u.load(); err != nil {
		return err
	}
	return f(u)
}

func (u *sysctlUsers) path() string { return filepath.Join(u.dir, ".sysctl.json") }

func (u *sysctlUsers) load() error {
	f, err := os.OpenFile(u.path(), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := json.NewDecoder(f).Decode(&u.keys); err != nil {
		return fmt.Errorf("%s, where labs share what the host's settings were, cannot be read (%w): look at sysctl net.ipv4.ip_forward, then remove the file", u.path(), err)
	}
	u.past = map[string]bool{}
	maps.DeleteFunc(u.keys, func(key string, use *sysctlUse) bool {
		u.past[key] = use == nil || use.Boot != "" && use.Boot != u.boot
		return u.past[key]
	})
	if u.keys == nil { // the file says null
		u.keys = map[string]*sysctlUse{}
	}
	return nil
}

// bootID tells one run of the machine from the next, random(4). Where it is
// hidden, every run looks the same.
func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return "", nil
	}
	return strings.TrimSpace(string(b)), err
}

// save replaces the file in one step; an empty register has none.
func (u *sysctlUsers) save() error {
	if u.dir == "" {
		return nil
	}
	return u.kernel.Around("save", u.path(), u.replace)
}

func (u *sysctlUsers) replace() error {
	if len(u.keys) == 0 {
		return errors.Join(gone(os.Remove(u.path()+".new")), gone(os.Remove(u.path())))
	}
	b, err := json.Marshal(u.keys)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(u.path()+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), u.path())
}

// join writes down that the lab wants a setting, with what it was before.
func (u *sysctlUsers) join(s Sysctl) error {
	if u.dir == "" {
		return nil
	}
	if err := u.finish(s); err != nil {
		return err
	}
	use := u.keys[s.Key]
	if use == nil {
		before, err := readAlong(make([]byte, bufSize), s.path())
		if err != nil {
			return err
		}
		use = &sysctlUse{Boot: u.boot, Before: before}
		u.keys[s.Key] = use
	}
	use.Users = append(u.others(use), sysctlUser{u.self, s.want()})
	return u.save()
}

// others are the users whose lab is still there, without the one that asks.
func (u *sysctlUsers) others(use *sysctlUse) []sysctlUser {
	return slices.DeleteFunc(slices.Clone(use.Users), func(x sysctlUser) bool {
		_, err := os.Lstat(filepath.Join(u.dir, x.Lab))
		return x.Lab == u.self || errors.Is(err, fs.ErrNotExist)
	})
}

// leave takes the lab off the list and, when it was the last, puts the setting
// back. was is what the lab itself remembers, for when there is no list.
func (u *sysctlUsers) leave(s Sysctl, was string) error {
	if err := u.finish(s); err != nil {
		return err
	}
	use := u.keys[s.Key]
	switch {
	case use == nil && u.past[s.Key]:
		return u.save() // without it
	case use == nil && was == "":
		return nil
	case use == nil:
		use = &sysctlUse{Boot: u.boot, Before: parseSettings(s.path(), was)}
	}
	if others := u.others(use); len(others) > 0 {
		use.Users = others
		return errors.Join(u.handOver(s, others[len(others)-1].Value), u.save())
	}
	return u.restore(s, use)
}

// handOver gives a setting to the lab that has wanted it last, if it is still ours.
func (u *sysctlUsers) handOver(s Sysctl, value string) error {
	now, err := readSetting(s.path())
	if err != nil || now != s.want() {
		return err
	}
	return writeSetting(u.kernel, s.path(), value)
}

// restore puts back what is still as the lab has left it.
func (u *sysctlUsers) restore(s Sysctl, use *sysctlUse) error {
	now, err := readAlong(make([]byte, bufSize), s.path())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil || now[s.path()] != s.want() || use.Before[s.path()] == s.want() {
		delete(u.keys, s.Key)
		return u.save()
	}
	use.Restore = use.Before.back(s.path(), s.want(), now)
	if u.dir == "" {
		return use.Restore.write(u.kernel, s.path())
	}
	u.keys[s.Key], use.Users = use, nil
	if err := u.save(); err != nil {
		return err
	}
	return u.finish(s)
}

// finish ends a putting back, also one that somebody has begun and not ended.
func (u *sysctlUsers) finish(s Sysctl) error {
	use := u.keys[s.Key]
	if use == nil || use.Restore == nil {
		return nil
	}
	if err := use.Restore.write(u.kernel, s.path()); err != nil {
		return err
	}
	delete(u.keys, s.Key)
	return u.save()
}
