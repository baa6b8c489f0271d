package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	vnetns "github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"nslab/lab/netns"
)

// cleaned returns when the kernel has taken down all namespaces that nobody
// holds any more. It does that one batch after the other, in their order
// (cleanup_net in net/core/net_namespace.c); so a namespace that is given up
// now is cleaned up behind them all, and when its end of a cable goes, the
// other one goes too.
func cleaned() error {
	const name = "bench-last"
	if err := netns.Create(name, nil); err != nil {
		return err
	}
	n, err := netns.Open(name)
	if err != nil {
		return err
	}
	cable := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "peer", PeerNamespace: netlink.NsFd(n.Fd())}
	err = (&netlink.Handle{}).LinkAdd(cable)
	n.Close()
	if err != nil {
		return err
	}
	here, err := netns.Current()
	if err != nil {
		return err
	}
	defer here.Close()
	at := vnetns.NsHandle(here.Fd())
	events, done := make(chan netlink.LinkUpdate, 1024), make(chan struct{})
	defer close(done)
	if err := netlink.LinkSubscribeWithOptions(events, done, netlink.LinkSubscribeOptions{Namespace: &at}); err != nil {
		return err
	}
	if err := netns.Delete(name); err != nil {
		return err
	}
	for e := range events {
		if e.Header.Type == unix.RTM_DELLINK && e.Attrs().Name == name {
			return nil
		}
	}
	return fmt.Errorf("the kernel told nothing of the end of %s", name)
}

// memory is the peak memory of all processes in the box but this one.
func memory() (sum int64) {
	files, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil || f == fmt.Sprintf("/proc/%d/status", os.Getpid()) {
			continue // it has just ended
		}
		if _, rest, ok := bytes.Cut(b, []byte("VmHWM:")); ok {
			kib, _ := strconv.ParseInt(strings.Fields(string(rest))[0], 10, 64)
			sum += kib << 10
		}
	}
	return sum
}

// The machine is idle when it was so for a moment.
const (
	look = 100 * time.Millisecond
	idle = 0.85
)

// quiet waits for the machine to be idle and says whether it was: somebody
// else's work disturbs all contestants alike, so patience may end.
func quiet(patience time.Duration) bool {
	t := time.NewTicker(look)
	defer t.Stop()
	busy, total := jiffies()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		<-t.C
		b, all := jiffies()
		if all > total && float64(b-busy) <= (1-idle)*float64(all-total) {
			return true
		}
		busy, total = b, all
	}
	return false
}

// jiffies is the first line of proc_stat(5): user, nice, system, idle, iowait ...
func jiffies() (busy, total int64) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	for i, f := range strings.Fields(line)[1:] {
		n, _ := strconv.ParseInt(f, 10, 64)
		total += n
		if i != 3 && i != 4 {
			busy += n
		}
	}
	return busy, total
}
