package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"nslab/lab/kerneltest"
)

// TestLecture asks everything that the lecture observes, at the step where the
// lecture does, in the words of the lecture: ip, iptables, ping and curl.
func TestLecture(t *testing.T) {
	for _, tool := range []string{"ip", "iptables", "ping", "curl", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs", tool)
		}
	}
	if os.Geteuid() != 0 {
		t.Run("ordinary", func(t *testing.T) { newTerminal(t, nil).lecture() })
		return
	}
	kerneltest.Need(t)
	t.Run("root", func(t *testing.T) { newTerminal(t, nil).lecture() })
	t.Run("ordinary", func(t *testing.T) {
		if !mapped() {
			t.Skip("needs root: here is no second user")
		}
		if _, err := exec.LookPath("setpriv"); err != nil {
			t.Skip("needs root and setpriv")
		}
		newTerminal(t, func(dir string, cmd []string) []string { return ordinaryCommand(dir, cmd...) }).lecture()
	})
}

// terminalOf is where a student sits.
type terminalOf struct {
	t       *testing.T
	nslab   string
	dir     string
	as      func(dir string, cmd []string) []string
	asked   int
	answers int // that were as the lecture says
}

func newTerminal(t *testing.T, as func(string, []string) []string) *terminalOf {
	t.Helper()
	if as == nil {
		as = func(_ string, cmd []string) []string { return cmd }
	}
	// Not t.TempDir: its parents are closed to other users.
	home, err := os.MkdirTemp("", "lecture") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	nslab, err := installed(home)
	if err != nil {
		t.Fatal(err)
	}
	dir := home + "/runtime"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	term := &terminalOf{t: t, nslab: nslab, dir: dir, as: as}
	if len(as(dir, nil)) > 0 {
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { term.run("destroy", "red-blue") })
	return term
}

// run types an nslab command.
func (s *terminalOf) run(args ...string) (string, int) {
	argv := s.as(s.dir, append([]string{s.nslab}, args...))
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+s.dir, "LC_ALL=C", "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("%q: %v", argv, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// step builds up to a step of the lecture.
func (s *terminalOf) step(name string) {
	s.t.Helper()
	if out, code := s.run("apply", "--no-verify", "red-blue", "--to", name); code != 0 {
		s.t.Fatalf("apply --to %s: exit status %d\n%s", name, code, out)
	}
}

// in types a command in a namespace.
func (s *terminalOf) in(ns string, cmd ...string) string {
	out, _ := s.run(append([]string{"exec", ns, "--"}, cmd...)...)
	return out
}

// same is one observation.
func (s *terminalOf) same(what, got, want string) {
	s.t.Helper()
	s.asked++
	if strings.TrimSpace(got) != want {
		s.t.Errorf("%s: got %q, want %q", what, got, want)
		return
	}
	s.answers++
}

// ping says how a ping ends: reply, unreachable or no-reply.
func (s *terminalOf) ping(from, to, want string) {
	s.t.Helper()
	out := s.in(from, "ping", "-c1", "-W1", "-n", to)
	got := "no-reply"
	switch {
	case strings.Contains(out, "1 received"):
		got = "reply"
	case strings.Contains(out, "nreachable"):
		got = "unreachable"
	}
	s.same("ping "+to+" from "+from, got, want)
}

// curl gets a page, or nothing.
func (s *terminalOf) curl(from, url, want string) {
	s.t.Helper()
	out := s.in(from, "curl", "-s", "-m2", url)
	s.same("curl "+url+" from "+from, strings.TrimSpace(out), want)
}

// links counts the interfaces of a room.
func (s *terminalOf) links(ns, want string) {
	s.t.Helper()
	s.same("interfaces of "+ns, strings.Join(names(s.in(ns, "ip", "-br", "link")), " "), want)
}

func names(list string) []string {
	var out []string
	for line := range strings.Lines(list) {
		out = append(out, strings.Fields(line)[0])
	}
	return out
}

// knows says whether ns has learnt the MAC address of somebody.
func (s *terminalOf) knows(ns, address string, want bool) {
	s.t.Helper()
	word := map[bool]string{true: "known", false: "unknown"}
	s.same(ns+"'s neighbour "+address, word[strings.Contains(s.in(ns, "ip", "neigh"), address)], word[want])
}

// rules are the lecture's rules on its host.
func (s *terminalOf) rules(want ...string) {
	s.t.Helper()
	var got []string
	for line := range strings.Lines(s.in("host", "iptables", "-t", "nat", "-S")) {
		if strings.HasPrefix(line, "-A ") {
			got = append(got, withoutComment(strings.TrimSpace(line)))
		}
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		s.t.Errorf("iptables -t nat -S on the host:\n%s\nwant\n%s", g, w)
	}
}

// withoutComment takes the mark off a rule by which nslab knows its own.
func withoutComment(rule string) string {
	before, rest, found := strings.Cut(rule, ` -m comment --comment `)
	if !found {
		return rule
	}
	if quoted, ok := strings.CutPrefix(rest, `"`); ok {
		_, after, _ := strings.Cut(quoted, `"`)
		return before + after
	}
	_, after, _ := strings.Cut(rest, " ")
	return before + " " + after
}

const (
	masquerade  = "-A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE"
	forwardPort = "-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.168.15.2:80"
)

func (s *terminalOf) lecture() {
	s.rooms()
	s.switches()
	s.gateway()
	s.outside()
	const want = 31
	s.t.Logf("%d observations, %d as the lecture says", s.asked, s.answers)
	if s.asked != want {
		s.t.Errorf("asked %d observations, the lecture has %d", s.asked, want)
	}
}

func (s *terminalOf) rooms() {
	s.step("rooms")
	s.links("red", "lo")
	s.ping("red", "192.168.15.2", "unreachable")

	s.step("cable")
	s.ping("red", "192.168.15.2", "reply")
	s.knows("red", "192.168.15.2", true)
	s.knows("host", "192.168.15.", false)
}

func (s *terminalOf) switches() {
	s.in("red", "ip", "link", "del", "veth-red") // as the lecture does; the step finds it done
	s.links("blue", "lo")
	s.step("switch")
	rooms := []string{"red", "blue", "green", "gray"}
	for i, from := range rooms {
		for j := range rooms {
			if i != j {
				s.ping(from, "192.168.15."+string(rune('1'+j)), "reply")
			}
		}
	}
	s.ping("host", "192.168.15.1", "no-reply")
	s.step("host-address")
	s.ping("host", "192.168.15.1", "reply")
}

func (s *terminalOf) gateway() {
	s.ping("blue", "192.168.1.3", "unreachable")
	s.step("gateway")
	s.ping("blue", "192.168.1.3", "no-reply")
	s.ping("blue", "192.168.1.2", "reply")
	s.rules()
	s.step("masquerade")
	s.rules(masquerade)
	s.ping("blue", "192.168.1.3", "no-reply")
	s.step("forwarding")
	s.ping("blue", "192.168.1.3", "reply")
	s.ping("blue", "8.8.8.8", "unreachable")
	s.step("default-route")
	s.ping("blue", "8.8.8.8", "reply")
}

func (s *terminalOf) outside() {
	s.ping("neighbor", "192.168.15.2", "unreachable")
	s.curl("neighbor", "http://192.168.1.2/", "")
	s.step("port-forward")
	s.rules(forwardPort, masquerade)
	s.curl("neighbor", "http://192.168.1.2/", "hello from blue")
	s.step("neighbour-route")
	s.ping("neighbor", "192.168.15.2", "reply")
}
