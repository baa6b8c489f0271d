package probe

import (
	"errors"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// socket is a non-blocking socket that was born in a namespace and is used
// from wherever its goroutine happens to run.
type socket struct {
	*os.File
	raw syscall.RawConn
}

// open makes a socket in a namespace. It reports ICMP errors one by one with
// the router that sent them (IP_RECVERR, ip(7)).
func (r *rig) open(at born, typ, proto int) (*socket, error) {
	domain := unix.AF_INET
	if at.v6 {
		domain = unix.AF_INET6
	}
	var fd int
	err := r.inside(at.ns, func() (err error) {
		fd, err = unix.Socket(domain, typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
		return err
	})
	if errors.Is(err, unix.EAFNOSUPPORT) {
		return nil, errNoFamily
	}
	if err != nil {
		return nil, err
	}
	s := &socket{File: os.NewFile(uintptr(fd), "socket")}
	s.raw, err = s.SyscallConn()
	if err == nil {
		err = recvErr(fd, at.v6)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func recvErr(fd int, v6 bool) error {
	if v6 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
}

// control runs f with the descriptor.
func (s *socket) control(f func(fd int) error) error {
	var err error
	if cerr := s.raw.Control(func(fd uintptr) { err = f(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

// reading runs f whenever there may be something to read, until it says done
// or the socket is closed.
func (s *socket) reading(f func(fd int) (done bool)) error {
	return s.raw.Read(func(fd uintptr) bool { return f(int(fd)) })
}

// complaint is the next entry of the error queue.
func (s *socket) complaint(fd int) (complaint, bool) {
	payload, oob := make([]byte, 256), make([]byte, 256)
	n, oobn, _, _, err := unix.Recvmsg(fd, payload, oob, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return complaint{}, false
	}
	c, ok := parseComplaint(oob[:oobn])
	c.payload = payload[:n]
	return c, ok
}

// sockaddr is an address and port for the system calls.
func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}
