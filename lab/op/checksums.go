package op

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Checksums is the fact that an interface sends packets with their checksums
// computed. A veth leaves that to the network card that the packet will meet on
// its way out. A switch that is a program takes the packet before any card does,
// and whoever gets it from there drops it.
type Checksums struct{ NS, Dev string }

// Do has them computed.
func (c Checksums) Do(k *Kernel) error { return c.offload(k, 0) }

// Undo leaves them to the card again.
func (c Checksums) Undo(k *Kernel) error { return gone(c.offload(k, 1)) }

func (c Checksums) offload(k *Kernel, on uint32) error {
	return k.Inside(c.NS, func() error {
		_, err := ethtool(c.Dev, unix.ETHTOOL_STXCSUM, on)
		return err
	})
}

// Diff asks as `ethtool -k` does.
func (c Checksums) Diff(k *Kernel) (string, error) {
	var on uint32
	err := k.Inside(c.NS, func() (err error) {
		on, err = ethtool(c.Dev, unix.ETHTOOL_GTXCSUM, 0)
		return err
	})
	if err != nil {
		return missing(c.Dev+" "+place(c.NS), err)
	}
	if on != 0 {
		return fmt.Sprintf("%s %s leaves checksums to a network card", c.Dev, place(c.NS)), nil
	}
	return "", nil
}

// Command is ethtool -K.
func (c Checksums) Command() Command { return inside(c.NS, "ethtool", "-K", c.Dev, "tx", "off") }

// Inverse is ethtool -K as well.
func (c Checksums) Inverse() Command { return inside(c.NS, "ethtool", "-K", c.Dev, "tx", "on") }

func (c Checksums) String() string {
	return fmt.Sprintf("%s %s computes checksums itself", c.Dev, place(c.NS))
}

// On is the interface.
func (c Checksums) On() []Object { return []Object{Dev(c.NS, c.Dev)} }

// ethtool asks about an interface of this namespace, or changes it: struct
// ethtool_value of linux/ethtool.h, by way of netdevice(7).
func ethtool(dev string, cmd, data uint32) (uint32, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	value := [2]uint32{cmd, data}
	request := struct {
		name  [unix.IFNAMSIZ]byte
		value *[2]uint32
		_     [16]byte // the rest of struct ifreq
	}{value: &value}
	copy(request.name[:unix.IFNAMSIZ-1], dev)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return 0, os.NewSyscallError("ethtool", errno)
	}
	return value[1], nil
}
