package lab_test

import (
	"os"
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/serve"
)

// TestMain also is the program that a lab starts for its services: they are
// this executable, called with "serve". And it is what some tests start once
// more to do something in a process of its own.
func TestMain(m *testing.M) {
	if args, ok := serve.Asked(os.Args); ok {
		os.Exit(serve.Main(args, os.NewFile(3, "ready")))
	}
	if role := os.Getenv(roleEnv); role != "" {
		os.Exit(play(role, os.Args[1:]))
	}
	os.Exit(kerneltest.Main(m))
}
