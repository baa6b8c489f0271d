package op

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// tunDevice makes interfaces whose other end is a program,
// Documentation/networking/tuntap.rst of the kernel.
const tunDevice = "/dev/net/tun"

// tapKind is what rtnetlink calls them.
const tapKind = "tun"

// makeTap makes a tap for a program that will come for it. The kernel takes no
// address and no group together with the name; but until it is told that the tap
// may stay, the tap goes with this descriptor, so that no killed nslab leaves one
// without its marks.
func makeTap(k *Kernel, d device) error {
	fd := -1
	err := k.Inside(d.NS, func() (err error) {
		fd, err = openTap(d.Name)
		return err
	})
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	body := linkNamed(d.Name, 0, 0).bytes(unix.IFLA_ADDRESS, d.addr(k)).number(unix.IFLA_GROUP, int(k.Group()))
	if err := k.send(d.NS, change(body)); err != nil {
		return err
	}
	return k.Around("keep", d.Name, func() error {
		return os.NewSyscallError("TUNSETPERSIST", unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 1))
	})
}

func openTap(name string) (int, error) {
	fd, err := unix.Open(tunDevice, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: tunDevice, Err: err}
	}
	ifr, err := unix.NewIfreq(name)
	if err == nil {
		ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_TUN_EXCL)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
	}
	if err != nil {
		unix.Close(fd)
		if errors.Is(err, unix.EBUSY) {
			err = unix.EEXIST // IFF_TUN_EXCL
		}
		return -1, fmt.Errorf("make the tap %s: %w", name, err)
	}
	return fd, nil
}
