package serve_test

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/kerneltest"
	"nslab/lab/serve"
)

// The services of the tests are this binary again.
func TestMain(m *testing.M) {
	if args, ok := serve.Asked(os.Args); ok {
		os.Exit(serve.Main(args, os.NewFile(3, "ready")))
	}
	os.Exit(kerneltest.Main(m))
}

func TestKinds(t *testing.T) {
	t.Parallel()
	want := []string{"command", "dhcp", "dns", "docker-proxy", "http", "tcp-echo", "udp-echo"}
	if diff := cmp.Diff(want, slices.Collect(slices.Values(serve.Kinds()))); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"ftp"}} {
		if status := serve.Main(args, nil); status != 2 {
			t.Errorf("serve %q: exit status %d, want 2", args, status)
		}
	}
	for _, args := range [][]string{{"http"}, {"http", "0"}, {"tcp-echo", "65536"}, {"udp-echo", "x"}, {"command"}, {"command", "no-such-program"}} {
		if status := serve.Main(args, nil); status != 1 {
			t.Errorf("serve %q: exit status %d, want 1", args, status)
		}
	}
}
