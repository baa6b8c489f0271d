package op

import (
	"fmt"
	"os"
)

// Around runs f between two points, "before VERB WHAT" and "after VERB WHAT".
// A test that has set Fault may let the operation fail there, as if the kernel
// had refused it or its answer had been lost, or may end the process. A nil
// Kernel has no points.
func (k *Kernel) Around(verb string, what any, f func() error) error {
	if k == nil || k.Fault == nil {
		return f()
	}
	name := fmt.Sprintf("%s %v", verb, what)
	if err := k.point("before " + name); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return k.point("after " + name)
}

// writeFile is os.WriteFile between two points.
func writeFile(k *Kernel, path, text string) error {
	return k.Around("write", path, func() error { return os.WriteFile(path, []byte(text), 0o644) })
}

// point is a single one: before a request to the kernel, for example.
func (k *Kernel) point(name string) error {
	if k == nil || k.Fault == nil {
		return nil
	}
	return k.Fault(name)
}
