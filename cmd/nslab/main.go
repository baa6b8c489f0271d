// Command nslab builds, proves, explains and takes down the networks of the
// lecture on Linux network namespaces.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"nslab/lab/cni"
	"nslab/lab/sandbox"
	"nslab/lab/serve"
)

func main() {
	// A umask that takes files away from their own user would make a lab that its
	// user cannot find again.
	unix.Umask(unix.Umask(0o077) & 0o077)
	if name := filepath.Base(os.Args[0]); cni.Is(name) {
		os.Exit(cni.Main(cni.Process{Name: name, Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}))
	}
	if err := sandbox.AwaitSetUp(); err != nil {
		if !errors.Is(err, io.EOF) { // else the starter says why
			fmt.Fprintln(os.Stderr, "nslab:", err)
		}
		os.Exit(exitBuild)
	}
	// Three commands are for nslab itself: the process that holds a sandbox, the
	// services that a lab runs, and what stands in a plugin's place. They get by
	// without the command line.
	if args, ok := serve.Asked(os.Args); ok {
		os.Exit(serve.Main(args, os.NewFile(3, "ready")))
	}
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "hold":
			os.Exit(sandbox.Hold())
		case "forward":
			os.Exit(forward(os.Args[2:]))
		}
	}
	log.SetOutput(io.Discard) // net/http tells there of servers that speak unasked: so does the check
	os.Exit(run(os.Args, streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}
