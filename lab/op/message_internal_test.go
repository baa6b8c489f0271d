package op

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// What is written as attributes is read back, whatever the length of a value.
func TestAttributes(t *testing.T) {
	t.Parallel()
	inner := message{}.text(1, "veth").number(2, 0x01020304)
	m := message{}.bytes(7, nil).bytes(8, []byte{1}).nest(9|unix.NLA_F_NESTED, inner).text(10, "four").bytes(8, []byte{2, 3})
	if len(m)%4 != 0 {
		t.Errorf("%d bytes are not whole words", len(m))
	}
	var kinds []uint16
	for kind := range attributes(m) {
		kinds = append(kinds, kind)
	}
	if diff := cmp.Diff([]uint16{7, 8, 9, 10, 8}, kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	if got := textOf(attribute(m, 9, 1)); got != "veth" {
		t.Errorf("found %q", got)
	}
	if got := numberOf(attribute(m, 9, 2)); got != 0x01020304 {
		t.Errorf("found %#x", got)
	}
	if got := attribute(m, 8); !cmp.Equal(got, []byte{2, 3}) {
		t.Errorf("found %v, want the last", got)
	}
	if got := attribute(m, 9, 3); got != nil {
		t.Errorf("found %v, want none", got)
	}
}

// FuzzAttributes reads what the kernel would never write.
func FuzzAttributes(f *testing.F) {
	f.Add([]byte(message{}.text(1, "veth").nest(2, message{}.number(3, 4))))
	f.Add([]byte{3, 0, 1, 0})
	f.Add([]byte{255, 255, 1, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		read := 0
		for _, value := range attributes(b) {
			read += unix.SizeofRtAttr + len(value)
		}
		if read > len(b) {
			t.Errorf("%d bytes were read of %d", read, len(b))
		}
		_ = attribute(b, 1, 2, 3)
		_ = eachMessage(b, func(unix.NlMsghdr, []byte) {})
	})
}

// The numbers of what is made in a session differ, those of a cable's ends too.
func TestNewIndex(t *testing.T) {
	t.Parallel()
	k := &Kernel{Lab: "index", session: newSession(nil)}
	k.empty("red")
	seen := map[int]bool{}
	for range 12000 { // more than there are hashes
		i := k.newIndex("red", "eth0", 0)
		if i <= loIndex || seen[i] {
			t.Fatalf("%d comes twice", i)
		}
		seen[i] = true
	}
	one := (&Kernel{Lab: "index"}).newIndex("red", "eth0", 0)
	if other := (&Kernel{Lab: "index"}).newIndex("red", "eth0", one); other == one {
		t.Errorf("both ends would have the index %d", one)
	}
}
