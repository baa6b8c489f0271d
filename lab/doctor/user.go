package doctor

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/lab/sandbox"
)

// kernel names the kernel and what it runs on.
func kernel() answer {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return note(err.Error())
	}
	text := func(b []byte) string { return string(bytes.TrimRight(b, "\x00")) }
	return ok(text(u.Release[:]) + " " + text(u.Machine[:]))
}

// wholeContainer is how a container gets what a lab needs.
var wholeContainer = []string{
	"docker run --privileged ...",
	"docker run --cap-add NET_ADMIN --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined ...",
}

// user says where this user may build. A container's root may lack what makes
// a root: capabilities(7).
func user() answer {
	if os.Geteuid() != 0 {
		return ok("an ordinary user: labs in sandboxes")
	}
	if !sandbox.Rooted() {
		uid, _ := sandbox.Account()
		return ok(fmt.Sprintf("root of a user namespace (unshare -r), user %d of the machine: labs in sandboxes", uid))
	}
	lack := lacking(status("CapEff"))
	if len(lack) > 0 {
		return note("root without "+strings.Join(lack, ", ")+", as in a container", wholeContainer...)
	}
	return ok("root: labs in sandboxes, and on this machine (host: machine)")
}

// lacking are the capabilities that a lab needs and a mask, as in
// proc_pid_status(5), does not have.
func lacking(mask string) []string {
	have, err := strconv.ParseUint(mask, 16, 64)
	if err != nil {
		return nil
	}
	var out []string
	for _, c := range []struct {
		bit  int
		name string
	}{{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {unix.CAP_NET_RAW, "CAP_NET_RAW"}, {unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}} {
		if have&(1<<c.bit) == 0 {
			out = append(out, c.name)
		}
	}
	return out
}

// status is a line of proc_pid_status(5) of the thread that asks.
func status(key string) string {
	b, _ := os.ReadFile("/proc/thread-self/status") // none: nothing is known
	for line := range strings.Lines(string(b)) {
		if k, v, _ := strings.Cut(line, ":"); k == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// userNamespaces are what an ordinary user's sandbox begins with.
func userNamespaces() answer {
	off := sandbox.SwitchedOff(setting)
	bad := missing
	if os.Geteuid() == 0 && len(lacking(status("CapEff"))) == 0 {
		bad = note // this user's sandboxes do without
	}
	switch {
	case !seen("/proc/self/ns/user"):
		return bad("this kernel has none (CONFIG_USER_NS): only root can have labs", "sudo nslab ...")
	case len(off) == 0:
		return ok("ordinary users may have them")
	}
	s := off[0]
	if s.Profile {
		bad = note // which a profile may lift for nslab alone: the sandbox shows it
	}
	return bad(fmt.Sprintf("%s (%s = %s)", s.What, s.Key, s.Value), s.Cures()...)
}

// few is a limit of namespaces that a lab of a classroom may meet.
const few = 100

// namespaceLimits reads namespaces(7), user.max_*_namespaces.
func namespaceLimits() answer {
	state, low, cures := OK, []string{}, []string{}
	for _, kind := range []string{"net", "mnt", "pid", "ipc", "uts"} {
		key := "user.max_" + kind + "_namespaces"
		n, known := number(key)
		switch {
		case !known || n >= few:
			continue
		case n == 0:
			state = Missing
		case state == OK:
			state = Note
		}
		low = append(low, fmt.Sprintf("%s = %d", key, n))
		cures = append(cures, "sysctl -w "+key+"=15000")
	}
	if state == OK {
		n, _ := number("user.max_net_namespaces")
		return ok(fmt.Sprintf("%d network namespaces for each user", n))
	}
	return answer{state, "each room is a network namespace, and few are allowed: " + strings.Join(low, ", "), cures}
}

// enoughFiles is what nslab, a shell and a few services open at most.
const enoughFiles = 256

// descriptors is the limit that getrlimit(2) knows; Go has raised it as far as it goes.
func descriptors() answer {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return note(err.Error())
	}
	if l.Max < enoughFiles {
		return note(fmt.Sprintf("only %d at once: a lab with many services may run out of them", l.Max), "ulimit -n 1024")
	}
	return ok(fmt.Sprintf("%d at once", l.Max))
}

// enoughProcesses leaves room for the services of a lab: each is a process.
const enoughProcesses = 256

// processes is the lower of two limits: of the user, and of the control group.
func processes() answer {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &l); err != nil {
		return note(err.Error())
	}
	const unlimited = "no limit that a lab would meet"
	if n, known := groupLimit(); known && n < enoughProcesses {
		return note(fmt.Sprintf("only %d in this control group (pids.max): each service of a lab is a process", n), "docker run --pids-limit 4096 ...", "systemctl set-property UNIT TasksMax=4096")
	}
	if !sandbox.Rooted() && l.Cur < enoughProcesses {
		return note(fmt.Sprintf("only %d for this user: each service of a lab is a process", l.Cur), "ulimit -u 4096")
	}
	return ok(unlimited)
}

// groupLimit reads pids.max of the control group that we are in.
func groupLimit() (n int, known bool) {
	b, _ := os.ReadFile("/proc/thread-self/cgroup") // none: no limit
	for line := range strings.Lines(string(b)) {
		group, unified := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !unified {
			continue
		}
		limit, _ := os.ReadFile("/sys/fs/cgroup" + group + "/pids.max")
		_, err := fmt.Sscan(string(limit), &n)
		return n, err == nil // not when it is "max"
	}
	return 0, false
}

// inotify is how the holder of a sandbox hears of its end: one instance each.
func inotify() answer {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return missing("this user has no instance left, and each sandbox takes one: "+err.Error(), "sysctl -w fs.inotify.max_user_instances=1024")
	}
	unix.Close(fd)
	n, known := number("fs.inotify.max_user_instances")
	if known && n < few {
		return note(fmt.Sprintf("%d instances for each user, and each sandbox takes one", n), "sysctl -w fs.inotify.max_user_instances=1024")
	}
	return ok(fmt.Sprintf("%d instances for each user, and each sandbox takes one", n))
}
