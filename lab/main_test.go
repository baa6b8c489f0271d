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
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		os.Exit(serve.Main(os.Args[2:], os.NewFile(3, "ready")))
	}
	if role := os.Getenv(roleEnv); role != "" {
		os.Exit(play(role, os.Args[1:]))
	}
	os.Exit(kerneltest.Main(m))
}
