package op

import (
	"encoding/binary"
	"iter"
	"net/netip"

	"golang.org/x/sys/unix"
)

// message is the body of an rtnetlink(7) request while it is written: a header
// that depends on what is asked, and attributes behind it.
type message []byte

// linkMessage begins with struct ifinfomsg: which flags of an interface are to
// change (IFF_*), and the index it is to have, 0 for any.
func linkMessage(index int, flags, change uint32) message {
	m := make(message, unix.SizeofIfInfomsg, 64)
	binary.NativeEndian.PutUint32(m[4:], uint32(index))
	binary.NativeEndian.PutUint32(m[8:], flags)
	binary.NativeEndian.PutUint32(m[12:], change)
	return m
}

// linkNamed is the same for the interface of a name.
func linkNamed(name string, flags, change uint32) message {
	return linkMessage(0, flags, change).text(unix.IFLA_IFNAME, name)
}

// addrMessage begins with struct ifaddrmsg.
func addrMessage(family, bits, flags, index int) message {
	m := message{byte(family), byte(bits), byte(flags), unix.RT_SCOPE_UNIVERSE}
	return binary.NativeEndian.AppendUint32(m, uint32(index))
}

// routeMessage begins with struct rtmsg, of the main table: by whom the route
// was made, how far it leads and of what kind it is.
func routeMessage(family, bits int, by, scope, kind byte) message {
	return message{byte(family), byte(bits), 0, 0, unix.RT_TABLE_MAIN, by, scope, kind, 0, 0, 0, 0}
}

// bytes appends an attribute: its length, its type, and its value padded to a
// multiple of four.
func (m message) bytes(kind uint16, value []byte) message {
	m = binary.NativeEndian.AppendUint16(m, uint16(unix.SizeofRtAttr+len(value)))
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = append(m, value...)
	return append(m, make([]byte, -len(value)&3)...)
}

func (m message) text(kind uint16, s string) message { return m.bytes(kind, append([]byte(s), 0)) }

func (m message) number(kind uint16, n int) message {
	return m.bytes(kind, binary.NativeEndian.AppendUint32(nil, uint32(n)))
}

// big is a number in the byte order of networks, which netfilter wants.
func (m message) big(kind uint16, n uint32) message {
	return m.bytes(kind, binary.BigEndian.AppendUint32(nil, n))
}

func (m message) addr(kind uint16, a netip.Addr) message { return m.bytes(kind, a.AsSlice()) }

// nest appends an attribute that holds others.
func (m message) nest(kind uint16, inner message) message { return m.bytes(kind, inner) }

// attributes are the types and values in what the kernel has written.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			n := int(binary.NativeEndian.Uint16(b))
			if n < unix.SizeofRtAttr || n > len(b) {
				return
			}
			kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if !yield(kind, b[unix.SizeofRtAttr:n]) {
				return
			}
			b = b[min(len(b), (n+3)&^3):]
		}
	}
}

// attribute is the value of the last attribute of a type, or what is nested in
// it along the path; nil when there is none.
func attribute(b []byte, path ...uint16) []byte {
	for _, want := range path {
		var found []byte
		for kind, value := range attributes(b) {
			if kind == want {
				found = value
			}
		}
		b = found
	}
	return b
}

// words of values.
func textOf(value []byte) string { return unix.ByteSliceToString(value) }

func numberOf(value []byte) int {
	if len(value) < 4 {
		return 0
	}
	return int(binary.NativeEndian.Uint32(value))
}
