package cni_test

import (
	"os"
	"path/filepath"
	"testing"

	"nslab/lab/cni"
	"nslab/lab/kerneltest"
)

// TestMain also is the plugin: a link to this binary, called by its name.
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); cni.Is(name) {
		os.Exit(cni.Main(cni.Process{Name: name, Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}))
	}
	os.Exit(kerneltest.Main(m))
}
