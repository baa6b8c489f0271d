package serve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// becomeCommand turns this process into the program that args name. The ready
// socket closes by itself on success, which tells the starter as much as a byte.
func becomeCommand(_ context.Context, args []string, _ func()) error {
	if len(args) == 0 {
		return errors.New("want a command")
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	if err := unix.Exec(path, args, os.Environ()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
