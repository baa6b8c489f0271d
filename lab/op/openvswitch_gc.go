package op

import (
	"cmp"
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
	dir = cmp.Or(environ(pid, "OVS_RUNDIR="), ovsDir)
	mark, _ := os.Readlink(OpenVSwitch{Dir: dir}.mark()) // none: then it is no lab's
	lab, object, _ := readMark(mark)
	if object != ovsObject {
		return "", ""
	}
	return lab, dir
}

// environ is a variable of a process: what follows NAME=, "" when it has none.
func environ(pid int, name string) (value string) {
	env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // it may have ended by now
	for word := range strings.SplitSeq(string(env), "\x00") {
		if v, ok := strings.CutPrefix(word, name); ok {
			value = v
		}
	}
	return value
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
