package doctor

import "testing"

// TestEntries reads what a kernel has printed for two processors.
func TestEntries(t *testing.T) {
	t.Parallel()
	const table = "entries  allocs   destroys hash_grows\n000003f0  00000010 0000000d 00000001\n000003f0  00000002 00000001 00000000\n"
	if n, known := entries(table); n != 1008 || !known {
		t.Errorf("%d %v", n, known)
	}
	if n, known := entries(""); n != 0 || known {
		t.Errorf("of nothing: %d %v", n, known)
	}
	for entries, rooms := range map[int]int{-5: 0, 0: 1, 16: 4, 1024: 32, 1056: 33} {
		if got := roomsFor(entries); got != rooms {
			t.Errorf("%d entries are enough for %d rooms, want %d", entries, got, rooms)
		}
	}
}

// TestLacking reads masks of proc_pid_status(5): of root, of root in Docker, of nobody.
func TestLacking(t *testing.T) {
	t.Parallel()
	for mask, want := range map[string]int{"000001ffffffffff": 0, "00000000a80425fb": 2, "0000000000000000": 3, "": 0} {
		if got := lacking(mask); len(got) != want {
			t.Errorf("%s lacks %v, want %d", mask, got, want)
		}
	}
}

// TestMasks reads the mounts of a container, of which the machine's own are covered.
func TestMasks(t *testing.T) {
	t.Parallel()
	const table = `21 1 0:5 / /proc rw,nosuid - proc proc rw
22 21 0:20 / /proc/sys/fs/binfmt_misc rw - binfmt_misc none rw
23 21 0:21 / /proc/old rw - tmpfs none rw
40 1 0:50 / /proc rw,nosuid - proc proc rw
41 40 0:50 /sys /proc/sys ro,nosuid - proc proc rw
42 40 0:60 / /proc/kcore rw - tmpfs tmpfs rw
43 1 0:61 / /sys ro,nosuid - sysfs sysfs ro
`
	hidden, fixed := masks(table)
	if len(hidden) != 1 || hidden[0] != "/proc/kcore" {
		t.Errorf("hidden: %v", hidden)
	}
	if len(fixed) != 2 || fixed[0] != "/proc/sys" || fixed[1] != "/sys" {
		t.Errorf("fixed: %v", fixed)
	}
}
