package lab_test

import (
	"os"
	"path/filepath"
	"testing"

	"nslab/lab/cni"
	"nslab/lab/kerneltest"
	"nslab/lab/serve"
)

// TestMain also is the plugin that nslab is, called by its name, and the program that a lab starts for its services: they are
// this executable, called with "serve". And it is what some tests start once
// more to do something in a process of its own.
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); cni.Is(name) {
		os.Exit(cni.Main(cni.Process{Name: name, Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}))
	}
	if args, ok := serve.Asked(os.Args); ok {
		os.Exit(serve.Main(args, os.NewFile(3, "ready")))
	}
	// nslab's own plugins are everywhere, and leave nothing behind, as the
	// reference's bridge does.
	if err := os.Setenv("CNI_PATH", "/nowhere"); err != nil {
		panic(err)
	}
	if role := os.Getenv(roleEnv); role != "" {
		os.Exit(play(role, os.Args[1:]))
	}
	os.Exit(kerneltest.Main(m))
}
