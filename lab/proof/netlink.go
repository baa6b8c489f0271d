package proof

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// interrupted is how often a dump is begun anew when something has changed
// while the kernel wrote it; such a dump may lack what is there.
const interrupted = 30

// dump asks the kernel for all objects of a sort. The request is the header of
// that family, see rtnetlink(7).
func (v *view) dump(family int, msg uint16, request []byte) (out [][]byte, err error) {
	for range interrupted {
		if err := v.ctx.Err(); err != nil {
			return nil, err
		}
		r := nl.NewNetlinkRequest(int(msg), unix.NLM_F_DUMP)
		r.AddRawData(request)
		out, err = r.Execute(family, 0)
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return out, err
		}
	}
	return nil, fmt.Errorf("it changes all the time: %w", err)
}

// route dumps the objects of all address families by rtnetlink. size is that
// of the header.
func (v *view) route(msg uint16, size int) ([]message, error) {
	return v.messages(msg, make([]byte, size), size)
}

func (v *view) messages(msg uint16, request []byte, size int) ([]message, error) {
	raw, err := v.dump(unix.NETLINK_ROUTE, msg, request)
	var out []message
	for _, b := range raw {
		if len(b) >= size {
			out = append(out, message{b[:size], attributes(b[size:])})
		}
	}
	return out, err
}

// message is one object of a dump.
type message struct {
	header []byte
	attrs  []attribute
}

func (m message) u16(at int) uint16 { return binary.NativeEndian.Uint16(m.header[at:]) }
func (m message) u32(at int) uint32 { return binary.NativeEndian.Uint32(m.header[at:]) }

// attribute is one piece of what the kernel says of an object.
type attribute struct {
	kind  uint16
	value []byte
}

// attributes parses a list of them; what is no list gives what could be read.
func attributes(b []byte) []attribute {
	const flags = unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER
	var out []attribute
	for len(b) >= unix.SizeofRtAttr {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			return out
		}
		out = append(out, attribute{binary.NativeEndian.Uint16(b[2:]) &^ flags, b[unix.SizeofRtAttr:size]})
		b = b[min((size+3)&^3, len(b)):]
	}
	return out
}

// find returns the value of the first attribute of a kind, nil when there is none.
func find(as []attribute, kind uint16) []byte {
	for _, a := range as {
		if a.kind == kind {
			return a.value
		}
	}
	return nil
}
