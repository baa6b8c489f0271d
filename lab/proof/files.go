package proof

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/lab/netns"
	"nslab/topology"
)

// settings are the values under /proc/sys/net, see sysctl(8).
func settings(v *view) ([]string, error) {
	const root = "/proc/sys/"
	var out []string
	buf := make([]byte, 1<<8)
	err := filepath.WalkDir(root+"net", func(path string, d fs.DirEntry, err error) error {
		if gone(err) || err == nil && (d.IsDir() || passing(d.Name())) {
			return nil
		}
		if err != nil {
			return err
		}
		if value, ok := read(path, buf); ok {
			out = append(out, strings.ReplaceAll(strings.TrimPrefix(path, root), "/", ".")+": "+value)
		}
		return nil
	})
	return out, err
}

// passing are the settings that are none: they count, or are secrets.
func passing(name string) bool {
	return slices.Contains([]string{
		"nf_conntrack_count", "nf_conntrack_buckets", "stable_secret", "tcp_fastopen_key", "flush", "netdev_rss_key",
	}, name)
}

// read reads a setting; some cannot be read, by this user or by anybody.
// There are a thousand, so it takes no detour, and the buffer is small: the
// kernel makes one of that size each time.
func read(path string, buf []byte) (string, bool) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", false
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, buf)
	if n == len(buf) { // a long list, such as ip_local_reserved_ports
		buf = make([]byte, 1<<16)
		n, err = unix.Pread(fd, buf, 0)
	}
	if err != nil {
		return "", false
	}
	return strings.Join(strings.Fields(string(buf[:n])), "/"), true
}

// gone says that something went away while it was looked at.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// mounts are those that hold names of namespaces, see proc_pid_mountinfo(5),
// in their order.
func mounts(*view) ([]string, error) {
	var out []string
	err := eachLine("/proc/thread-self/mountinfo", func(f []string) {
		if len(f) < 7 || !under(f[4], netns.Dir, "/run/nslab", "/etc/netns") {
			return
		}
		for i, field := range f[6:] {
			f[6+i], _, _ = strings.Cut(field, ":") // of a peer group the number is chance
		}
		out = append(out, fmt.Sprintf("%s: %d root=%s options=%s %s", f[4], len(out), f[3], f[5], strings.Join(f[6:], " ")))
	})
	return out, err
}

func under(path string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool { return path == d || strings.HasPrefix(path, d+"/") })
}

// namespaces are the names of ip-netns(8) with what is behind them.
func namespaces(*view) ([]string, error) {
	entries, err := os.ReadDir(netns.Dir)
	if err != nil {
		return nil, err
	}
	out := []string{netns.Dir + ": there"}
	for _, e := range entries {
		var fsys unix.Statfs_t
		var st unix.Stat_t
		path := filepath.Join(netns.Dir, e.Name())
		if unix.Lstat(path, &st) != nil || unix.Statfs(path, &fsys) != nil {
			continue // gone meanwhile, or a symbolic link to nowhere
		}
		what := "no-namespace"
		if fsys.Type == unix.NSFS_MAGIC {
			what = "namespace"
		}
		out = append(out, fmt.Sprintf("%s: %s inode=%d", topology.Quote(path), what, st.Ino))
	}
	return out, nil
}

// etc are the files of /etc that have to do with names and with ip(8).
func etc(*view) ([]string, error) {
	var out []string
	for _, root := range []string{
		"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/hostname", "/etc/sysctl.conf",
		"/etc/netns", "/etc/iproute2", "/etc/sysctl.d",
	} {
		lines, err := tree(root)
		if err != nil {
			return nil, err
		}
		out = append(out, lines...)
	}
	return out, nil
}

// tree tells of a file or of all below a directory: mode and contents.
func tree(root string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if gone(err) || errors.Is(err, fs.ErrPermission) {
			return nil
		}
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // gone meanwhile
		}
		out = append(out, fmt.Sprintf("%s: mode=%v contents=%s", topology.Quote(path), fi.Mode(), contents(path, fi.Mode())))
		return nil
	})
	return out, err
}

func contents(path string, mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		to, _ := os.Readlink(path)
		return topology.Quote(to)
	case !mode.IsRegular():
		return "-"
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "unreadable"
	}
	return fmt.Sprintf("%.8x", sha256.Sum256(b))
}
