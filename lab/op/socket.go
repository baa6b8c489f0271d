package op

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// socket speaks netlink(7) with the namespace in which it was opened. The
// kernel has answered by the time a request has been sent, so nobody waits.
type socket struct {
	fd  int
	buf []byte
}

// openSocket opens a socket here.
func openSocket(buf []byte) (*socket, error) { return dial(unix.NETLINK_ROUTE, buf) }

// dial opens a socket to one of the kernel's families, netlink(7). It asks for
// the kernel's own explanation of a refusal (since Linux 4.12) and not to be
// told its own words again.
func dial(family int, buf []byte) (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, family)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	return &socket{fd, buf}, nil
}

func (s *socket) close() { unix.Close(s.fd) }

// exchange sends requests all at once and returns what became of each. An
// answer is demanded of the last one only: a refusal comes unasked. homes are
// the namespaces in which something is born, as IFLA_NET_NS_FD wants them.
func (s *socket) exchange(rs []request, homes []*netns.NS) ([]error, error) {
	last := len(rs) - 1
	if err := s.post(rs, homes, last); err != nil {
		return nil, err
	}
	return s.answers(len(rs), func(seq int) bool { return seq == last })
}

// post sends requests, which are numbered, and demands an answer to one; -1 for
// none, of questions.
func (s *socket) post(rs []request, homes []*netns.NS, demand int) error {
	out := message(s.buf[:0])
	for i, r := range rs {
		flags := r.flags | unix.NLM_F_REQUEST
		if i == demand {
			flags |= unix.NLM_F_ACK
		}
		begin := len(out)
		out = append(out.header(r.kind, flags, i), r.body...)
		if homes != nil && homes[i] != nil {
			out = out.number(unix.IFLA_NET_NS_FD, homes[i].Fd())
		}
		binary.NativeEndian.PutUint32(out[begin:], uint32(len(out)-begin))
	}
	_, err := unix.Write(s.fd, out)
	return os.NewSyscallError("send to netlink", err)
}

// answers are those to n requests, up to the one that is the last to come.
func (s *socket) answers(n int, last func(seq int) bool) ([]error, error) {
	errs := make([]error, n)
	for done := false; !done; {
		err := s.receive(func(h unix.NlMsghdr, body []byte) {
			if h.Type == unix.NLMSG_ERROR && int(h.Seq) < n {
				errs[h.Seq] = refusal(h, body)
				done = done || last(int(h.Seq))
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return errs, nil
}

// question asks for one thing and returns what the kernel says of it.
func (s *socket) question(r request) (answer []byte, err error) {
	if err := s.post([]request{r}, nil, -1); err != nil {
		return nil, err
	}
	rerr := s.receive(func(h unix.NlMsghdr, body []byte) {
		if answer = body; h.Type == unix.NLMSG_ERROR {
			answer, err = nil, refusal(h, body)
		}
	})
	return answer, cmp.Or(rerr, err)
}

// header begins a message whose length is not known yet.
func (m message) header(kind, flags uint16, seq int) message {
	m = binary.NativeEndian.AppendUint32(m, 0)
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = binary.NativeEndian.AppendUint16(m, flags)
	m = binary.NativeEndian.AppendUint32(m, uint32(seq))
	return binary.NativeEndian.AppendUint32(m, 0)
}

// receive hands every message of the kernel's next answer to f.
func (s *socket) receive(f func(h unix.NlMsghdr, body []byte)) error {
	n, from, err := unix.Recvfrom(s.fd, s.buf, 0)
	if err != nil {
		return os.NewSyscallError("receive from netlink", err)
	}
	if nl, ok := from.(*unix.SockaddrNetlink); !ok || nl.Pid != 0 {
		return errors.New("somebody who is not the kernel answers on netlink")
	}
	return eachMessage(s.buf[:n], f)
}

// eachMessage hands every message of what was received to f.
func eachMessage(b []byte, f func(h unix.NlMsghdr, body []byte)) error {
	for len(b) >= unix.SizeofNlMsghdr {
		h := unix.NlMsghdr{
			Len:   binary.NativeEndian.Uint32(b),
			Type:  binary.NativeEndian.Uint16(b[4:]),
			Flags: binary.NativeEndian.Uint16(b[6:]),
			Seq:   binary.NativeEndian.Uint32(b[8:]),
		}
		if h.Len < unix.SizeofNlMsghdr || int(h.Len) > len(b) {
			return errors.New("an answer of netlink is cut off")
		}
		f(h, b[unix.SizeofNlMsghdr:h.Len])
		b = b[min(len(b), int(h.Len+3)&^3):]
	}
	return nil
}

// refusal is the error in an NLMSG_ERROR, nil when it says that all is well,
// with the kernel's own words behind it: struct nlmsgerr and its attributes.
func refusal(h unix.NlMsghdr, body []byte) error {
	if len(body) < 4+unix.SizeofNlMsghdr {
		return errors.New("an answer of netlink is too short")
	}
	errno := unix.Errno(-int32(binary.NativeEndian.Uint32(body)))
	if errno == 0 {
		return nil
	}
	if h.Flags&unix.NLM_F_ACK_TLVS == 0 {
		return errno
	}
	told := 4 + unix.SizeofNlMsghdr
	if h.Flags&unix.NLM_F_CAPPED == 0 { // our own words come first
		told = 4 + int(binary.NativeEndian.Uint32(body[4:])+3)&^3
	}
	if words := textOf(attribute(body[min(told, len(body)):], unix.NLMSGERR_ATTR_MSG)); words != "" {
		return fmt.Errorf("%w: %s", errno, words)
	}
	return errno
}

// errInterrupted says that what was listed changed meanwhile: some may be missing.
var errInterrupted = errors.New("the list changed while it was read")

// dump lists what the kernel has of a kind: RTM_GETLINK, ....
func (s *socket) dump(kind uint16, body message, each func(body []byte)) error {
	out := append(message(nil).header(kind, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, 0), body...)
	binary.NativeEndian.PutUint32(out, uint32(len(out)))
	if _, err := unix.Write(s.fd, out); err != nil {
		return os.NewSyscallError("send to netlink", err)
	}
	var failed error
	for done := false; !done; {
		err := s.receive(func(h unix.NlMsghdr, b []byte) {
			if h.Flags&unix.NLM_F_DUMP_INTR != 0 {
				failed = errInterrupted
			}
			switch h.Type {
			case unix.NLMSG_DONE:
				done = true
				if errno := unix.Errno(-int32(numberOf(b))); errno != 0 && failed == nil {
					failed = errno
				}
			case unix.NLMSG_ERROR:
				done, failed = true, refusal(h, b)
			default:
				each(b)
			}
		})
		if err != nil {
			return err
		}
	}
	return failed
}
