package main

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

var native = binary.NativeEndian

// batch is netlink messages that go to the kernel in one send, netlink(7).
type batch struct {
	buf  []byte
	last int // where the last message begins
	seq  uint32
}

// begin starts a message of a type behind its fixed header.
func (b *batch) begin(typ, flags uint16, header []byte) {
	b.last = len(b.buf)
	b.seq++
	b.buf = append(b.buf, make([]byte, unix.NLMSG_HDRLEN)...)
	h := b.buf[b.last:]
	native.PutUint16(h[4:], typ)
	native.PutUint16(h[6:], unix.NLM_F_REQUEST|flags)
	native.PutUint32(h[8:], b.seq)
	b.append(header)
}

func (b *batch) append(data []byte) {
	b.buf = append(b.buf, data...)
	b.buf = append(b.buf, make([]byte, -len(data)&3)...)
	native.PutUint32(b.buf[b.last:], uint32(len(b.buf)-b.last))
}

func (b *batch) attr(typ uint16, data []byte) {
	b.buf = native.AppendUint16(b.buf, uint16(unix.SizeofRtAttr+len(data)))
	b.buf = native.AppendUint16(b.buf, typ)
	b.append(data)
}

func (b *batch) u32(typ uint16, v uint32)    { b.attr(typ, native.AppendUint32(nil, v)) }
func (b *batch) be32(typ uint16, v uint32)   { b.attr(typ, binary.BigEndian.AppendUint32(nil, v)) }
func (b *batch) text(typ uint16, s string)   { b.attr(typ, append([]byte(s), 0)) }
func (b *batch) nest(typ uint16, f func())   { b.nestAt(typ|unix.NLA_F_NESTED, nil, f) }
func raw[T any](v *T) []byte                 { return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v)) }
func link(h unix.IfInfomsg) (header []byte)  { return raw(&h) }
func route(h unix.RtMsg) (header []byte)     { return raw(&h) }
func address(h unix.IfAddrmsg) (head []byte) { return raw(&h) }

// nestAt is an attribute that begins with some bytes and goes on with others.
func (b *batch) nestAt(typ uint16, head []byte, f func()) {
	at := len(b.buf)
	b.attr(typ, head)
	f()
	native.PutUint16(b.buf[at:], uint16(len(b.buf)-at))
}

// socket is a netlink socket; it belongs to the namespace it was opened in.
type socket int

func dial(family int) (socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, family)
	if err != nil {
		return -1, fmt.Errorf("open a netlink socket: %w", err)
	}
	return socket(fd), nil
}

// do sends the messages, of which the one that begins at ack is acknowledged.
// Every message that the kernel refuses is answered, asked for or not.
func (s socket) do(b *batch, ack int) error {
	flags := native.Uint16(b.buf[ack+6:])
	native.PutUint16(b.buf[ack+6:], flags|unix.NLM_F_ACK)
	want := native.Uint32(b.buf[ack+8:])
	if err := unix.Sendto(int(s), b.buf, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("send to the kernel: %w", err)
	}
	b.buf = b.buf[:0]
	in := make([]byte, 8192)
	for {
		n, err := unix.Read(int(s), in)
		if err != nil {
			return fmt.Errorf("read from the kernel: %w", err)
		}
		if done, err := answers(in[:n], want); done || err != nil {
			return err
		}
	}
}

func answers(in []byte, want uint32) (done bool, err error) {
	for len(in) >= unix.NLMSG_HDRLEN+4 {
		size := int(native.Uint32(in))
		if native.Uint16(in[4:]) == unix.NLMSG_ERROR {
			if code := int32(native.Uint32(in[unix.NLMSG_HDRLEN:])); code != 0 {
				return true, fmt.Errorf("message %d: %w", native.Uint32(in[8:]), unix.Errno(-code))
			}
			done = done || native.Uint32(in[8:]) == want
		}
		in = in[min(len(in), (size+3)&^3):]
	}
	return done, nil
}

// now sends what there is and waits for the last message to be done.
func (s socket) now(b *batch) error { return s.do(b, b.last) }
