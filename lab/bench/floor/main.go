// Command floor builds, proves and takes down the networks of `make bench`
// with as little as the kernel can be asked for: raw messages in the best
// order known, no journal, no checks, no YAML. What it needs is the price of
// the kernel itself, and nslab is measured against it.
//
//	floor apply|verify|destroy SHAPE N
//	floor nothing                         what the start of a program costs
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"

	"nslab/lab/bench/shape"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) == 1 && args[0] == "serve" {
		return serve(out)
	}
	if len(args) == 1 && args[0] == "nothing" {
		return nil
	}
	if len(args) != 3 {
		return errors.New("usage: floor apply|verify|destroy SHAPE N")
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	s, err := shape.New(args[1], n)
	if err != nil {
		return err
	}
	runtime.LockOSThread() // namespaces belong to threads; all but ahead is done on this one
	switch args[0] {
	case "apply":
		return apply(s)
	case "verify":
		return verify(s, out)
	case "destroy":
		return destroy(s)
	}
	return fmt.Errorf("no command %q", args[0])
}
