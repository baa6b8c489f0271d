package sandbox

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrForbidden is what errors of Start wrap when the machine's settings, not a
// mistake or a shortage, are the reason.
var ErrForbidden = errors.New("this machine does not let this user have a sandbox")

// Refused says in words why there can be no sandbox, and what would cure it;
// "" when err does not wrap ErrForbidden.
func Refused(err error) string {
	var f *forbiddenError
	if !errors.As(err, &f) {
		return ""
	}
	return f.reason
}

type forbiddenError struct {
	cause  error
	reason string
}

func (e *forbiddenError) Error() string {
	return fmt.Sprintf("%v: %s (%v)", ErrForbidden, e.reason, e.cause)
}
func (e *forbiddenError) Unwrap() []error { return []error{ErrForbidden, e.cause} }

// forbidden adds the reason to an error of clone(2), of writing the uid map, or
// of a mount: the kernel says just EPERM or ENOSPC.
func forbidden(err error) error {
	for _, errno := range []unix.Errno{unix.EPERM, unix.EACCES, unix.ENOSPC, unix.EUSERS, unix.EINVAL, unix.ENOSYS} {
		if errors.Is(err, errno) {
			return &forbiddenError{err, why(errno, setting)}
		}
	}
	return err
}

// setting reads a sysctl; "" when there is none.
func setting(key string) string {
	b, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(key, ".", "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// A Switch is a setting that keeps ordinary users from having sandboxes.
type Switch struct {
	Key, Value string
	What       string // in words
	On         string // the value that allows them
	Profile    bool   // a profile of AppArmor may allow them to one program
}

// switches are looked at in this order; Value is the one that forbids.
var switches = []Switch{
	{Key: "user.max_user_namespaces", Value: "0", What: "user namespaces are switched off", On: "15000"},
	{Key: "kernel.unprivileged_userns_clone", Value: "0", What: "user namespaces are for root only", On: "1"},
	{Key: "kernel.apparmor_restrict_unprivileged_userns", Value: "1", What: "AppArmor restricts user namespaces", On: "0", Profile: true},
}

// SwitchedOff are the switches that forbid user namespaces. What read returns
// for a sysctl decides, so that it can be tested.
func SwitchedOff(read func(key string) string) []Switch {
	return slices.DeleteFunc(slices.Clone(switches), func(s Switch) bool { return read(s.Key) != s.Value })
}

// Cures are the ways out, each for root, the narrowest first.
func (s Switch) Cures() []string {
	cures := []string{"sysctl -w " + s.Key + "=" + s.On, "sudo nslab ..."}
	if !s.Profile {
		return cures
	}
	nslab, err := os.Executable()
	if err != nil {
		nslab = "/usr/local/bin/nslab"
	}
	return append([]string{fmt.Sprintf(
		"echo 'abi <abi/4.0>, include <tunables/global> profile nslab %q flags=(unconfined) { userns, }' >/etc/apparmor.d/nslab && apparmor_parser -r /etc/apparmor.d/nslab",
		nslab)}, cures...)
}

// why names the first switch that is off.
func why(errno unix.Errno, read func(key string) string) string {
	if off := SwitchedOff(read); len(off) > 0 && !privileged() {
		s := off[0]
		return fmt.Sprintf("%s (%s = %s); root can allow them with: sysctl -w %s=%s, or run nslab as root",
			s.What, s.Key, s.Value, s.Key, s.On)
	}
	if _, known := Account(); !known {
		return "this user namespace has no user for you (unshare -U); make yourself its root: unshare -U -r"
	}
	if errno == unix.ENOSPC || errno == unix.EUSERS {
		return limits(read)
	}
	if filtered() {
		return "a seccomp filter is in force, as in a container; " +
			"start the container with --privileged, or with --cap-add SYS_ADMIN --security-opt seccomp=unconfined"
	}
	if _, err := os.Stat("/proc/self/ns/user"); err != nil && !privileged() {
		return "this kernel has no user namespaces; run nslab as root"
	}
	return "the kernel refused it; run nslab as root, or see `nslab doctor`"
}

func limits(read func(key string) string) string {
	var low []string
	for _, kind := range []string{"user", "mnt", "net", "pid", "ipc", "uts"} {
		key := "user.max_" + kind + "_namespaces"
		if n, err := strconv.Atoi(read(key)); err == nil && n < 100 {
			low = append(low, fmt.Sprintf("%s = %d", key, n))
		}
	}
	if low == nil {
		return "a limit on namespaces is reached; see the sysctls user.max_*_namespaces"
	}
	return "a limit on namespaces is reached (" + strings.Join(low, ", ") + "); root can raise it with sysctl -w"
}

// filtered says whether this process runs under a seccomp filter.
func filtered() bool {
	b, err := os.ReadFile("/proc/self/status")
	return err == nil && strings.Contains(string(b), "\nSeccomp:\t2\n")
}
