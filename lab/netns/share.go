package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"nslab/lab/flock"
)

// States of Dir.
const (
	Missing = "missing"
	Plain   = "a plain directory" // no name was ever made
	Shared  = "a shared mount"
)

// DirState says what Dir is.
func DirState() string {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, Dir, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_TYPE, &st)
	switch {
	case err != nil:
		return Missing
	case st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0:
		return Shared
	}
	return Plain
}

// Share makes Dir a shared mount point, so that a namespace is seen, and its
// deletion too, in all mount namespaces that were copied from this one.
func Share() error { return Points(nil).Share() }

// Share is [Share] with points.
func (p Points) Share() error {
	if err := p.mkdir(Dir); err != nil {
		return err
	}
	return locked(func() error {
		err := p.mount("", Dir, unix.MS_SHARED|unix.MS_REC)
		if !errors.Is(err, unix.EINVAL) {
			return mountErr("make", err)
		}
		if err := p.mount(Dir, Dir, unix.MS_BIND|unix.MS_REC); err != nil {
			return mountErr("bind", err)
		}
		return mountErr("make", p.mount("", Dir, unix.MS_SHARED|unix.MS_REC))
	})
}

// Unshare puts Dir back to what it was before Share, and says whether it did:
// not while there are names in it.
func Unshare(was string) (done bool, err error) {
	err = locked(func() error {
		entries, err := os.ReadDir(Dir)
		if err != nil || len(entries) > 0 {
			return err
		}
		done = true
		if err := unix.Unmount(Dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); !errors.Is(err, unix.EINVAL) {
			return mountErr("unmount", err)
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if done && err == nil && was == Missing {
		err = os.Remove(Dir)
	}
	return done, err
}

// locked runs f under the lock that ip-netns(8) takes on Dir: two first users
// at once would mount it over itself again and again.
func locked(f func() error) error {
	d, err := os.Open(Dir)
	if err != nil {
		return err
	}
	defer d.Close() // drops the lock
	if err := flock.Within(d, flock.Patience); err != nil {
		return err
	}
	return f()
}

func mountErr(verb string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s a shared mount: %w", verb, Dir, err)
}
