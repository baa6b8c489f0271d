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
	if filepath.Base(os.Args[0]) == cni.Plugin {
		os.Exit(cni.Main(cni.Process{Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}))
	}
	os.Exit(kerneltest.Main(m))
}
