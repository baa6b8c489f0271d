package op

import (
	"fmt"
	"os"
	"strings"
)

// ovsOf says of which lab a process is the Open vSwitch, and where that one is; lab
// is "" when of none.
func ovsOf(pid int) (lab, dir string) {
	argv := cmdline(pid)
	if len(argv) == 0 || argv[0] != "ovsdb-server" && argv[0] != "ovs-vswitchd" || !serviceLike(pid) {
		return "", ""
	}
	env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // it may have ended by now
	dir = ovsDir
	for word := range strings.SplitSeq(string(env), "\x00") {
		if at, ok := strings.CutPrefix(word, "OVS_RUNDIR="); ok {
			dir = at
		}
	}
	mark, _ := os.Readlink(OpenVSwitch{Dir: dir}.mark()) // none: then it is no lab's
	lab, object, _ := readMark(mark)
	if object != ovsObject {
		return "", ""
	}
	return lab, dir
}

// tidy removes what an Open vSwitch that has ended leaves of its own.
func (o OpenVSwitch) tidy(k *Kernel) error {
	if o.own(k) {
		if err := os.RemoveAll(o.Dir); err != nil {
			return err
		}
	}
	_ = os.Remove(o.Dir) // only when empty, as when there was no time to mark it
	_ = os.Remove(ovsLabs)
	return nil
}
