package cni_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nslab/lab/cni"
)

// TestKilled runs ADDs and DELs of many containers side by side on one bridge,
// and kills some of them at any moment, as a machine that is short of memory
// does. No two containers ever have the same address, whoever is attached is
// reached, and after a DEL of each nothing is left.
func TestKilled(t *testing.T) {
	const containers, rounds = 20, 5 // of ADD and DEL
	r := newRig(t)
	taken := &owners{by: map[string]string{}}
	for i := range containers {
		r.namespace(fmt.Sprintf("c%d", i))
	}
	var all sync.WaitGroup
	for i := range containers {
		all.Go(func() {
			w := &worker{rig: r, name: fmt.Sprintf("c%d", i), luck: rand.New(rand.NewPCG(1, uint64(i)))}
			for range rounds {
				w.round(taken)
			}
		})
	}
	all.Wait()
	if held := r.held(); len(held) > 0 {
		r.Errorf("held: %v", held)
	}
	t.Logf("%d calls were killed", taken.killed)
	if taken.killed < containers {
		r.Errorf("only %d calls were killed", taken.killed)
	}
}

// owners are who has which address now.
type owners struct {
	sync.Mutex
	by     map[string]string
	killed int
}

type worker struct {
	*rig
	name string
	luck *rand.Rand
}

// round attaches the container and detaches it. What is killed is deleted, as
// the specification wants of runtimes, and that may be killed, too.
func (w *worker) round(taken *owners) {
	a := w.unlucky("ADD", taken)
	if a.status == 0 {
		w.attached(a, taken)
	}
	for killed := true; killed; {
		killed = w.unlucky("DEL", taken).status < 0
	}
}

// attached checks that nobody else has the address, and that it works.
func (w *worker) attached(a answer, taken *owners) {
	var res result
	if err := json.Unmarshal([]byte(a.out), &res); err != nil || len(res.IPs) != 1 {
		w.Errorf("%v: %s", err, a.out)
		return
	}
	address := res.IPs[0].Address
	taken.Lock()
	if other, has := taken.by[address]; has {
		w.Errorf("%s and %s have the address %s", w.name, other, address)
	}
	taken.by[address] = w.name
	taken.Unlock()
	if out, err := exec.Command("ip", "netns", "exec", w.name, "ping", "-c", "1", "-W", "5", "10.66.0.1").CombinedOutput(); err != nil {
		w.Errorf("%s: %v\n%s", w.name, err, out)
	}
	taken.Lock()
	delete(taken.by, address)
	taken.Unlock()
}

// unlucky runs the plugin and, every other time, kills it in between. The exit
// status is -1 then.
func (w *worker) unlucky(command string, taken *owners) answer {
	conf, err := json.Marshal(w.conf)
	if err != nil {
		w.Error(err)
	}
	var out, stderr strings.Builder
	cmd := exec.Command(filepath.Join(w.dir, cni.Plugin))
	cmd.Env = []string{"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + w.name, "CNI_NETNS=/run/netns/" + w.name, "CNI_IFNAME=eth0", "CNI_PATH=" + w.dir}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(string(conf)), &out, &stderr
	if err := cmd.Start(); err != nil {
		w.Error(err)
		return answer{}
	}
	if w.luck.IntN(2) == 0 {
		after := time.Duration(w.luck.IntN(300)) * time.Millisecond
		defer time.AfterFunc(after, func() { _ = cmd.Process.Kill() }).Stop()
	}
	_ = cmd.Wait() // the status tells
	a := answer{command, out.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	switch {
	case a.status < 0:
		taken.Lock()
		taken.killed++
		taken.Unlock()
	case a.status > 0:
		w.Errorf("%s of %s: %s%s", command, w.name, a.out, a.stderr)
	}
	return a
}
