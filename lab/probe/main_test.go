package probe_test

import (
	"os"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/serve"
)

// The services of the tests are this binary again.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		os.Exit(serve.Main(os.Args[2:], os.NewFile(3, "ready")))
	}
	os.Exit(kerneltest.Main(m))
}
