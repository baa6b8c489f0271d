package netns

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

// Process is what proc_pid_stat(5) says of a process. Its number may belong to
// another one some day; number and start together never do.
type Process struct {
	State byte   // 'T' is stopped, 'Z' waits for its burial
	Start uint64 // clock ticks after the boot of the machine, whatever time namespace asks
}

// ProcessOf reads it. The error wraps fs.ErrNotExist when there is no such process.
func ProcessOf(pid int) (Process, error) {
	path := "/proc/" + strconv.Itoa(pid) + "/stat"
	b, err := os.ReadFile(path)
	if err != nil {
		return Process{}, err
	}
	p, err := parseStat(string(b))
	if err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	p.Start -= shift()
	return p, nil
}

// parseStat counts from the third field: the second is the name in parentheses
// and may contain anything.
func parseStat(stat string) (Process, error) {
	const start = 22 - 3
	f := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(f) <= start {
		return Process{}, fmt.Errorf("%d fields, want more", len(f))
	}
	ticks, err := strconv.ParseUint(f[start], 10, 64)
	return Process{f[0][0], ticks}, err
}

// shift is what the kernel adds to the start of every process for who asks from
// a time namespace, time_namespaces(7).
var shift = sync.OnceValue(func() uint64 {
	b, _ := os.ReadFile("/proc/self/timens_offsets") // none: before Linux 5.6, or no such namespaces
	return shiftOf(string(b))
})

// shiftOf reads a line such as "boottime 100000 0": seconds and nanoseconds. It
// counts modulo 2^64: a shift may be one to the past.
func shiftOf(offsets string) uint64 {
	const hertz, tick = 100, 10_000_000 // clock ticks a second, see sysconf(3); nanoseconds of one
	for line := range strings.Lines(offsets) {
		var seconds, nanoseconds int64
		if _, err := fmt.Sscanf(line, "boottime %d %d", &seconds, &nanoseconds); err == nil {
			return uint64(seconds*hertz + nanoseconds/tick)
		}
	}
	return 0
}
