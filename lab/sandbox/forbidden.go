package sandbox

import (
	"errors"
	"fmt"
	"os"
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

// why names the first switch that is off. What read returns decides, so that
// it can be tested.
func why(errno unix.Errno, read func(key string) string) string {
	for _, s := range []struct{ key, off, what, on string }{
		{"user.max_user_namespaces", "0", "user namespaces are switched off", "15000"},
		{"kernel.unprivileged_userns_clone", "0", "user namespaces are for root only", "1"},
		{"kernel.apparmor_restrict_unprivileged_userns", "1", "AppArmor restricts user namespaces", "0"},
	} {
		if !privileged() && read(s.key) == s.off {
			return fmt.Sprintf("%s (%s = %s); root can allow them with: sysctl -w %s=%s, or run nslab as root",
				s.what, s.key, s.off, s.key, s.on)
		}
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
