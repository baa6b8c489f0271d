package proof

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"nslab/topology"
)

// word is how an attribute is printed: its name and how to show its value. One
// without a name is left out. What is not in a vocabulary is printed by its
// number, in hexadecimal, so that nothing new in a kernel is missed.
type word struct {
	name string
	show func(*view, []byte) string
}

type vocabulary map[uint16]word

// leftOut stands for what changes by itself.
var leftOut = word{}

// line is "key: word=value word=value ...".
func (v *view) line(key string, as []attribute, voc vocabulary, first ...string) string {
	return key + ": " + strings.Join(append(first, v.words(as, voc)...), " ")
}

func (v *view) words(as []attribute, voc vocabulary) []string {
	var out []string
	for _, a := range as {
		w, known := voc[a.kind]
		switch {
		case !known:
			out = append(out, "#"+strconv.Itoa(int(a.kind))+"="+hex.EncodeToString(a.value))
		case w.name != "":
			out = append(out, w.name+"="+w.show(v, a.value))
		}
	}
	return out
}

func text(_ *view, b []byte) string {
	return topology.Quote(string(bytes.TrimRight(b, "\x00")))
}

func hexadecimal(_ *view, b []byte) string { return hex.EncodeToString(b) }

func number(_ *view, b []byte) string {
	switch len(b) {
	case 1:
		return strconv.Itoa(int(b[0]))
	case 2:
		return strconv.Itoa(int(binary.NativeEndian.Uint16(b)))
	case 4:
		return strconv.FormatUint(uint64(binary.NativeEndian.Uint32(b)), 10)
	}
	return hex.EncodeToString(b)
}

func mac(_ *view, b []byte) string { return net.HardwareAddr(b).String() }

func address(_ *view, b []byte) string {
	if a, ok := netip.AddrFromSlice(b); ok {
		return a.String()
	}
	return hex.EncodeToString(b)
}

func device(v *view, b []byte) string {
	if len(b) != 4 {
		return hex.EncodeToString(b)
	}
	return v.device(binary.NativeEndian.Uint32(b))
}

// device is the name of an interface, as it was when the print was begun.
func (v *view) device(index uint32) string {
	if name, ok := v.names[index]; ok {
		return topology.Quote(name)
	}
	return "#" + strconv.Itoa(int(index))
}

// list shows attributes within an attribute.
func list(voc vocabulary) func(*view, []byte) string {
	return func(v *view, b []byte) string {
		return "(" + strings.Join(v.words(attributes(b), voc), ",") + ")"
	}
}
