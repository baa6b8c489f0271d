package op_test

import (
	"os"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/serve"
)

// TestMain also is the program that a service is: this executable, called with
// "serve".
func TestMain(m *testing.M) {
	if args, ok := serve.Asked(os.Args); ok {
		os.Exit(serve.Main(args, os.NewFile(3, "ready")))
	}
	os.Exit(kerneltest.Main(m))
}
