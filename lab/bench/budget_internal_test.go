package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"nslab/lab/bench/shape"
	"nslab/lab/kerneltest"
)

// What nslab may spend on a star. Clocks lie on a busy machine; what is asked
// of the kernel can be counted, and is the same everywhere.
const (
	maxExecs       = 0  // of other programs
	maxMoved       = 0  // interfaces that change their namespace: 16 ms each
	maxDelLink     = 2  // requests to delete interfaces, of a lab: 16 ms each
	maxProcSys     = 0  // files of /proc/sys that are opened for a namespace
	maxCalls       = 85 // system calls for a namespace
	maxDescriptors = 64 // open at once: beyond it, a program with threads waits for all processors
	maxPackets     = 20 // on the ports of the switch, for each of them, in the quiet after apply
	quietTime      = 10 * time.Second
	forwardWithin  = 10 * time.Millisecond
)

// few and many are the stars of which the difference is taken, so that what a
// run costs by itself does not count.
const few, many = 4, 40

func TestBudget(t *testing.T) {
	kerneltest.Need(t)
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed")
	}
	nslab := built(t, "nslab/cmd/nslab")
	small, large := traced(t, nslab, few), traced(t, nslab, many)
	each := func(of func(trace) int) int { return (of(large) - of(small)) / (many - few) }
	for _, b := range []struct {
		what      string
		got, most int
	}{
		{"programs run", large.count(`^execve\(`) - 2, maxExecs},
		{"interfaces moved", large.moved(), maxMoved},
		{"requests to delete interfaces", large.count(`nlmsg_type=RTM_DELLINK`), maxDelLink},
		{"files of /proc/sys opened for a namespace", each(func(t trace) int { return t.count(`^open\w*\(.*"/proc/sys/`) }), maxProcSys},
		{"system calls for a namespace", each(trace.calls), maxCalls},
		{"descriptors open at once", large.descriptors(), maxDescriptors},
	} {
		if b.got > b.most {
			t.Errorf("%s: %d, want at most %d", b.what, b.got, b.most)
		}
		t.Logf("%s: %d of %d", b.what, b.got, b.most)
	}
}

// trace is what strace(1) has seen of an apply and a destroy, a system call a line.
type trace []string

// traced builds a star and takes it down again.
func traced(t *testing.T, nslab string, n int) (out trace) {
	t.Helper()
	s := shape.Star(n)
	file := filepath.Join(t.TempDir(), "star.yaml")
	if err := os.WriteFile(file, []byte(s.YAML("machine")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"apply", "--no-verify", file}, {"destroy", file}} {
		log := filepath.Join(t.TempDir(), "trace")
		strace := append([]string{"-f", "-qq", "-v", "-s", "1000", "-e", "signal=none", "-o", log, nslab}, args...)
		if b, err := exec.CommandContext(t.Context(), "strace", strace...).CombinedOutput(); err != nil {
			t.Fatalf("nslab %s: %v\n%s", args[0], err, b)
		}
		out = append(out, readTrace(t, log)...)
	}
	return out
}

func readTrace(t *testing.T, log string) (out trace) {
	t.Helper()
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		_, call, _ := strings.Cut(lines.Text(), " ") // the thread is of no interest
		out = append(out, strings.TrimLeft(call, " "))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func (t trace) count(pattern string) (n int) {
	re := regexp.MustCompile(pattern)
	for _, line := range t {
		if re.MatchString(line) {
			n++
		}
	}
	return n
}

// moved counts requests that give a namespace to an interface that exists.
func (t trace) moved() (n int) {
	for _, line := range t {
		request := strings.Contains(line, "nlmsg_type=RTM_SETLINK") ||
			strings.Contains(line, "nlmsg_type=RTM_NEWLINK") && !strings.Contains(line, "NLM_F_CREATE")
		if strings.HasPrefix(line, "send") && request && strings.Contains(line, "IFLA_NET_NS_") {
			n++
		}
	}
	return n
}

// own are system calls of the Go runtime, for its threads and its memory.
var own = regexp.MustCompile(`^(futex|nanosleep|sched_yield|epoll_p?wait|rt_sig\w+|sigaltstack|mmap|munmap|mprotect|madvise|clone3?|gettid|tgkill|getpid|exit)\(`)

func (t trace) calls() (n int) {
	for _, line := range t {
		if !strings.HasPrefix(line, "<...") && !own.MatchString(line) {
			n++
		}
	}
	return n
}

// descriptors is the highest descriptor there was, and one.
func (t trace) descriptors() (most int) {
	re := regexp.MustCompile(`^(?:<\.\.\. )?(?:open\w*|socket|dup\d?|pidfd_open|epoll_create1|eventfd2|memfd_create)\b.*= (\d+)`)
	for _, line := range t {
		if m := re.FindStringSubmatch(line); m != nil {
			fd, _ := strconv.Atoi(m[1])
			most = max(most, fd+1)
		}
	}
	return most
}

// After apply has returned, the ports carry packets, and nobody sends any.
func TestQuiet(t *testing.T) {
	kerneltest.Need(t)
	nslab := built(t, "nslab/cmd/nslab")
	s := shape.Star(many)
	file := filepath.Join(t.TempDir(), "star.yaml")
	if err := os.WriteFile(file, []byte(s.YAML("machine")), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		t.Helper()
		if b, err := exec.CommandContext(context.WithoutCancel(t.Context()), nslab, args...).CombinedOutput(); err != nil {
			t.Fatalf("nslab %s: %v\n%s", args[0], err, b)
		}
	}
	run("apply", "--no-verify", file)
	t.Cleanup(func() { run("destroy", file) })
	returned := time.Now()
	for {
		late := notForwarding(t)
		if len(late) == 0 {
			break
		}
		if time.Since(returned) > forwardWithin {
			t.Errorf("%v after apply has returned, %d ports do not forward: %v", forwardWithin, len(late), late)
			break
		}
	}
	before := packets(t)
	<-time.After(quietTime)
	if sent := packets(t) - before; sent > maxPackets*many {
		t.Errorf("%d packets on %d ports in %v, want at most %d", sent, many, quietTime, maxPackets*many)
	} else {
		t.Logf("%d packets for each port", sent/many)
	}
}

// ports are the host's ends of the cables.
func ports(t *testing.T) (out []netlink.Link) {
	t.Helper()
	links, err := (&netlink.Handle{}).LinkList()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if l.Type() == "veth" {
			out = append(out, l)
		}
	}
	if len(out) != many {
		t.Fatalf("%d ports, want %d", len(out), many)
	}
	return out
}

func packets(t *testing.T) (n int) {
	t.Helper()
	for _, l := range ports(t) {
		st := l.Attrs().Statistics
		n += int(st.RxPackets + st.TxPackets)
	}
	return n
}

// notForwarding lists ports whose state, linux/if_bridge.h, is another one.
func notForwarding(t *testing.T) (out []string) {
	t.Helper()
	const forwarding = "3"
	for _, l := range ports(t) {
		state, err := os.ReadFile(fmt.Sprintf("/sys/class/net/%s/brport/state", l.Attrs().Name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(state)) != forwarding {
			out = append(out, l.Attrs().Name)
		}
	}
	return out
}
