package lab

import (
	"context"
	"path/filepath"

	"nslab/lab/op"
)

// OpenFaulty is Open where something may go wrong from the first moment.
func OpenFaulty(dir, name string, fault func(point string) error) (*Lab, error) {
	return open(context.Background(), &op.Kernel{Lab: name, Dir: filepath.Join(dir, name), Fault: fault})
}
