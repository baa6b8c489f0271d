package op

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// along lists the settings that the kernel rewrites when it writes another.
// IPv4 forwarding, ip-sysctl.rst of the kernel: "changing its value resets all
// configuration parameters to their default state": in fact the forwarding of
// every interface and conf/all/accept_redirects (inet_forward_change in
// net/ipv4/devinet.c). conf/default of IPv4 is copied to every interface that
// has no value of its own, conf/all/forwarding and disable_ipv6 of IPv6 to all.
// A star is "default" or an interface; "all" is the setting itself under another
// name, or has no effect on others.
func along(path string) []string {
	const v4, v6 = "/proc/sys/net/ipv4/conf/", "/proc/sys/net/ipv6/conf/"
	name := filepath.Base(path)
	switch {
	case path == "/proc/sys/net/ipv4/ip_forward", path == v4+"all/forwarding":
		return []string{v4 + "all/accept_redirects", v4 + "*/forwarding"}
	case path == v4+"default/"+name:
		return []string{v4 + "*/" + name}
	case path == v6+"all/"+name && (name == "forwarding" || name == "disable_ipv6"):
		return []string{v6 + "*/" + name}
	}
	return nil
}

// settings are values by their files.
type settings map[string]string

// readAlong reads a setting and those that change along with it. buf is for
// lists of interfaces.
func readAlong(buf []byte, path string) (settings, error) {
	value, err := readSetting(path)
	if err != nil {
		return nil, err
	}
	all := settings{path: value}
	for _, pattern := range along(path) {
		files, err := ofEach(buf, pattern)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			v, err := readSetting(f)
			if err == nil {
				all[f] = v
			} else if !absent(err) { // the interface has not gone
				return nil, err
			}
		}
	}
	return all, nil
}

// ofEach puts "default" and the names of the interfaces here in the place of a
// star. To list the directory would have the kernel make an entry for each file
// of it. buf is for the answer.
func ofEach(buf []byte, pattern string) ([]string, error) {
	before, after, ok := strings.Cut(pattern, "*")
	if !ok {
		return []string{pattern}, nil
	}
	v := &view{}
	if err := readHere(buf, v.linkTable()); err != nil {
		return nil, err
	}
	out := []string{before + "default" + after}
	for _, l := range v.links {
		out = append(out, before+l.name+after)
	}
	return out, nil
}

// readSetting reads a file of /proc/sys, which is small and ready: os.ReadFile
// makes twice the system calls.
func readSetting(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var b [4096]byte
	n, err := unix.Read(fd, b[:])
	if err != nil {
		return "", &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return oneLine(b[:n]), nil
}

func oneLine(b []byte) string { return strings.Join(strings.Fields(string(b)), " ") }

// text is the value of the setting, and below it a line for each of the others.
func (s settings) text(path string) string {
	var lines []string
	for f, v := range s {
		if f != path {
			lines = append(lines, f+"="+v)
		}
	}
	slices.Sort(lines)
	return strings.Join(append([]string{s[path]}, lines...), "\n")
}

func parseSettings(path, text string) settings {
	value, rest, _ := strings.Cut(text, "\n")
	s := settings{path: value}
	for line := range strings.Lines(rest) {
		if f, v, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok {
			s[f] = v
		}
	}
	return s
}

// left is what the kernel makes of a setting when it takes value for another
// one: the same, but who forwards accepts no redirects (RFC 1812 section 5.2.7.2).
func left(file, value string) string {
	if filepath.Base(file) != "accept_redirects" {
		return value
	}
	if value == "0" {
		return "1"
	}
	return "0"
}

// back says what every setting has to be when value at path is taken back: what
// it was before where it still is what value made of it, else what it is now.
// An interface that came meanwhile gets what it would have been born with.
func (s settings) back(path, value string, now settings) settings {
	want := settings{path: s[path]}
	for f, v := range now {
		if f == path {
			continue
		}
		want[f] = v
		if v != left(f, value) {
			continue
		}
		was, known := s[f]
		if !known {
			was, known = s[filepath.Join(filepath.Dir(filepath.Dir(f)), "default", filepath.Base(f))]
		}
		if known {
			want[f] = was
		}
	}
	return want
}

// write writes the setting at path first, for it changes the others.
func (s settings) write(k *Kernel, path string) error {
	if err := writeSetting(k, path, s[path]); err != nil {
		return err
	}
	var errs []error
	for f, v := range s {
		if f != path {
			errs = append(errs, writeSetting(k, f, v))
		}
	}
	return errors.Join(errs...)
}

// writeSetting leaves alone what is right already, and what went with its interface.
func writeSetting(k *Kernel, file, value string) error {
	now, err := readSetting(file)
	if err == nil && now != value {
		err = writeFile(k, file, value)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
