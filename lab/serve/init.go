package serve

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Init before KIND says that the process is the first of a pid namespace and
// has mounts of its own.
const Init = "init"

// mountProc shows the process its own namespace under /proc. What happens to
// the mounts of the machine must still be seen: a namespace whose name goes
// would live on in a private copy.
func mountProc() error {
	if err := unix.Mount("", "/", "none", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("make / a slave mount: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount a /proc for the pid namespace: %w", err)
	}
	return nil
}
