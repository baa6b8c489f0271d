package probe

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/lab/op"
	"nslab/topology"
)

// process asks which processes are in a namespace, as `ip netns pids` does, and
// which numbers they have: one outside, and perhaps another in a pid namespace
// of their own, pid_namespaces(7).
type process struct{ in string }

func readProcess(r *reader) []Probe {
	w := r.Required("in", "web")
	if w.Text == topology.Host {
		r.Complain(w.Pos, "on the host there is every process of the machine: name a namespace")
	}
	return []Probe{process{r.asker(w)}}
}

// samePID is the number inside of a process that has only one.
const samePID = "same"

// pidInside reads the expected number inside, or "same".
func pidInside(s string) (string, error) {
	if s == samePID {
		return s, nil
	}
	if n, err := strconv.Atoi(s); err != nil || n < 1 {
		return "", fmt.Errorf("want the number that a process has inside, such as 1, or %q where it is the one outside, found %q", samePID, s)
	}
	return s, nil
}

func (p process) Ask(ctx context.Context, k *op.Kernel) Answer { return alone(ctx, k, p) }

func (p process) ask(_ context.Context, r *rig, _ patience) Answer {
	ns, err := r.k.Open(p.in)
	if err != nil {
		return broken(err)
	}
	defer ns.Close()
	dev, ino, err := ns.ID()
	if err != nil {
		return broken(err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return broken(err)
	}
	var found [][]int
	for _, e := range entries {
		var st unix.Stat_t
		pid, err := strconv.Atoi(e.Name())
		if err != nil || unix.Stat(fmt.Sprintf("/proc/%d/ns/net", pid), &st) != nil || st.Dev != dev || st.Ino != ino {
			continue
		}
		if numbers, err := op.Numbers(pid); err == nil && len(numbers) > 0 {
			found = append(found, numbers)
		}
	}
	return p.answer(found)
}

func (p process) answer(found [][]int) Answer {
	if len(found) == 0 {
		return Answer{Outcome: Absent, Text: "no process is in " + p.in}
	}
	var inside, text []string
	for _, numbers := range found {
		last := strconv.Itoa(numbers[len(numbers)-1])
		inside = append(inside, last)
		if len(numbers) == 1 {
			inside = append(inside, samePID)
			text = append(text, "PID "+last+", the same inside and outside")
			continue
		}
		text = append(text, fmt.Sprintf("PID %d outside is PID %s inside", numbers[0], last))
	}
	return Answer{Outcome: Present, Text: strings.Join(text, "; "), Data: map[string]string{"pid": strings.Join(inside, " ")}}
}

// Command reads the same lines: NSpid is in the status of every process.
func (p process) Command() op.Command {
	return op.Command{"sh", "-c", fmt.Sprintf("for p in $(ip netns pids %s); do grep NSpid /proc/$p/status; done", p.in)}
}

func (p process) String() string { return p.in + " has a process" }

func (p process) Nodes() []string { return []string{p.in} }
