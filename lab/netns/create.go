package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Create makes the namespace called name, as `ip netns add` does. prepare, if
// not nil, runs inside it before the name appears, so that whoever sees the
// name sees a prepared namespace. The error wraps fs.ErrExist when the name is
// taken, be it by a live namespace or by the plain file of one that is gone.
func Create(name string, prepare func() error) error {
	return Stay(func(t *Thread) error { return t.Create(name, prepare) })
}

// Create is [Create] on this thread.
func (t *Thread) Create(name string, prepare func() error) error {
	path, err := free(name, t.share)
	if err != nil {
		return err
	}
	return t.away(func() error {
		if err := t.renew(); err != nil {
			return err
		}
		return t.Points.publish(name, path, prepare)
	})
}

// Attach gives the namespace that the caller is in the name, as `ip netns attach`
// does: a second one, if it has one already. The errors are those of [Create].
func Attach(name string) error {
	path, err := free(name, Share)
	if err != nil {
		return err
	}
	return Points(nil).publish(name, path, nil)
}

// free is the path of a name that is not taken, in a directory that can hold it.
func free(name string, share func() error) (path string, err error) {
	if path, err = pathOf(name); err != nil {
		return "", err
	}
	if err := share(); err != nil {
		return "", err
	}
	if _, err := os.Lstat(path); err == nil {
		return "", taken(name, path)
	}
	return path, nil
}

// share is [Share], once for a thread: what it has shared stays so.
func (t *Thread) share() error {
	if t.shared {
		return nil
	}
	err := t.Points.Share()
	t.shared = err == nil
	return err
}

// publish gives the calling thread's namespace a name.
func (p Points) publish(name, path string, prepare func() error) error {
	if prepare != nil {
		if err := prepare(); err != nil {
			return err
		}
	}
	if err := p.before("open " + path); err != nil {
		return err
	}
	f, err := openFile(path, unix.O_CREAT|unix.O_EXCL)
	if errors.Is(err, fs.ErrExist) {
		return taken(name, path)
	}
	if err != nil {
		return err
	}
	f.Close()
	if err := p.mount(self, path, unix.MS_BIND); err != nil {
		return errors.Join(fmt.Errorf("bind mount %s: %w", path, err), os.Remove(path))
	}
	return nil
}

func taken(name, path string) error {
	n, err := open(name)
	if err == nil {
		n.Close()
		return fmt.Errorf("namespace %q: %w", name, fs.ErrExist)
	}
	if errors.Is(err, ErrPlain) {
		return fmt.Errorf("%w (%w): left by something that was killed; remove it with: ip netns del %s",
			err, fs.ErrExist, name)
	}
	return fmt.Errorf("%s: %w: %w", path, fs.ErrExist, err)
}

// Delete removes the name, as `ip netns del` does, also a name that is only a
// stale plain file. The kernel frees the namespace once nobody is in it. The
// error wraps fs.ErrNotExist when there is no such name.
func Delete(name string) error {
	path, err := pathOf(name)
	if err != nil {
		return err
	}
	for { // something may have been mounted on it more than once
		uerr := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if uerr != nil && !errors.Is(uerr, unix.EINVAL) { // not, or no longer, a mount point
			return fmt.Errorf("umount %s: %w", path, uerr)
		}
		err := os.Remove(path)
		switch {
		case !errors.Is(err, unix.EBUSY):
			return err
		case uerr != nil: // the bind mount is there, below another mount
			return fmt.Errorf("%w: something is mounted over %s and hides it; look with findmnt %[2]s, then: umount %[2]s", err, Dir)
		}
	}
}
