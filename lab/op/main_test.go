package op_test

import (
	"os"
	"path/filepath"
	"testing"

	"nslab/lab/cni"
	"nslab/lab/kerneltest"
	"nslab/lab/serve"
)

// TestMain also is the plugin that nslab is, called by its name, and the program that a service is: this executable, called with
// "serve".
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); cni.Is(name) {
		os.Exit(cni.Main(cni.Process{Name: name, Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}))
	}
	if filepath.Base(os.Args[0]) == "dhcp" {
		os.Exit(deafDaemon(os.Args[3]))
	}
	if args, ok := serve.Asked(os.Args); ok {
		os.Exit(serve.Main(args, os.NewFile(3, "ready")))
	}
	os.Exit(kerneltest.Main(m))
}
