package probe_test

import (
	"os"
	"testing"

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
