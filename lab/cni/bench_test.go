package cni_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"nslab/lab/cni"
)

// BenchmarkAddDel runs ADD and DEL of one container by nslab-bridge and by the
// bridge and host-local of the reference, in turns, on bridges that have a
// container already. ratio is the median of those of every pair.
func BenchmarkAddDel(b *testing.B) {
	dir := oracles(b)
	ownVarLib(b)
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, cni.Plugin), "nslab/cmd/nslab")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	alone := b.TempDir() // where host-local is not installed
	if err := os.Symlink(filepath.Join(dir, cni.Plugin), filepath.Join(alone, cni.Plugin)); err != nil {
		b.Fatal(err)
	}
	racers := []racer{{b, "bridge", dir, 66}, {b, cni.Plugin, dir, 67}, {b, cni.Plugin, alone, 68}}
	for _, ns := range []string{"bench-a", "bench-b"} {
		if err := exec.Command("ip", "netns", "add", ns).Run(); err != nil {
			b.Fatal(err)
		}
		defer func() { _ = exec.Command("ip", "netns", "del", ns).Run() }()
	}
	for _, r := range racers {
		r.call("ADD", "bench-a", fmt.Sprintf("eth%d", r.net))
		defer r.call("DEL", "bench-a", fmt.Sprintf("eth%d", r.net))
	}
	took := make([][]time.Duration, len(racers))
	for b.Loop() {
		for i, r := range racers {
			start := time.Now()
			r.call("ADD", "bench-b", "eth0")
			r.call("DEL", "bench-b", "eth0")
			took[i] = append(took[i], time.Since(start))
		}
	}
	for i, name := range []string{"reference", "nslab+host-local", "nslab"} {
		b.ReportMetric(float64(median(took[i]).Microseconds())/1000, "ms/"+name)
		if i > 0 {
			b.ReportMetric(ratio(took[i], took[0]), name+"/reference")
		}
	}
}

func median[T float64 | time.Duration](all []T) T {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

func ratio(mine, theirs []time.Duration) float64 {
	var all []float64
	for i := range mine {
		all = append(all, float64(mine[i])/float64(theirs[i]))
	}
	return median(all)
}

// racer is a plugin with a network of its own.
type racer struct {
	*testing.B
	plugin, path string
	net          int
}

func (r racer) call(command, container, ifName string) {
	r.Helper()
	conf := fmt.Sprintf(`{"cniVersion": "1.0.0", "name": "bench%d", "type": %q, "bridge": "bench%d", "isGateway": true, "ipMasq": true,
		"ipam": {"type": "host-local", "subnet": "10.%d.0.0/24", "routes": [{"dst": "0.0.0.0/0"}]}}`, r.net, r.plugin, r.net, r.net)
	cmd := exec.Command(filepath.Join(r.path, r.plugin))
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "CNI_COMMAND=" + command, "CNI_CONTAINERID=" + container,
		"CNI_NETNS=/run/netns/" + container, "CNI_IFNAME=" + ifName, "CNI_PATH=" + r.path,
	}
	cmd.Stdin = bytes.NewReader([]byte(conf))
	if out, err := cmd.CombinedOutput(); err != nil {
		r.Fatalf("%s %s: %v\n%s", r.plugin, command, err, out)
	}
}
