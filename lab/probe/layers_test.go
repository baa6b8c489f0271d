package probe_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
	"nslab/lab/probe"
	"nslab/topology"
)

// BenchmarkPing asks one ping and nothing else.
func BenchmarkPing(b *testing.B) {
	n, _ := star(b, 2)
	check := topology.Check{Kind: topology.Word{Text: "ping"}, Args: mapping("from", "n0", "to", "n1")}
	as, errs := probe.Read(check, n.state)
	if len(errs) > 0 {
		b.Fatal(errs)
	}
	for b.Loop() {
		for _, r := range probe.Ask(context.Background(), n.kernel, as, nil) {
			if r.Status != probe.Passed {
				b.Fatal(r.Message)
			}
		}
	}
}

// BenchmarkConnections opens a hundred connections. They leave nothing behind:
// there are not as many ports to ask from as it opens.
func BenchmarkConnections(b *testing.B) {
	n, _ := star(b, 2)
	echo := op.Service{NS: "n1", Kind: "tcp-echo", Port: 7}
	none := op.Sysctl{NS: "n0", Key: "net.ipv4.tcp_max_tw_buckets", Value: "0"}
	if err := errors.Join(echo.Do(n.kernel), none.Do(n.kernel)); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = echo.Undo(n.kernel) })
	check := topology.Check{Kind: topology.Word{Text: "tcp"}, Args: mapping("from", "n0", "to", "n1:7")}
	as, errs := probe.Read(check, n.state)
	if len(errs) > 0 {
		b.Fatal(errs)
	}
	as = slices.Repeat(as, 100)
	for b.Loop() {
		for _, r := range probe.Ask(context.Background(), n.kernel, as, nil) {
			if r.Status != probe.Passed {
				b.Fatal(r.Message)
			}
		}
	}
}

// BenchmarkAllPairs asks all pairs of a star.
func BenchmarkAllPairs(b *testing.B) {
	for _, count := range []int{10, 30, 100} {
		b.Run(strconv.Itoa(count), func(b *testing.B) {
			kerneltest.Need(b)
			n, names := star(b, count)
			args := mapping()
			args.Keys, args.Items = []topology.Word{{Text: "among"}}, []topology.Value{list(names...)}
			as, errs := probe.Read(topology.Check{Kind: topology.Word{Text: "ping"}, Args: args}, n.state)
			if len(errs) > 0 {
				b.Fatal(errs)
			}
			for b.Loop() {
				for _, r := range probe.Ask(context.Background(), n.kernel, as, nil) {
					if r.Status != probe.Passed {
						b.Fatal(r.Assertion.Title(), r.Message)
					}
				}
			}
		})
	}
}
