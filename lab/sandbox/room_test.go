package sandbox_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"nslab/lab/sandbox"
)

// A command in a room sees what it would see by `ip netns exec`: the room's
// devices, also under /sys, and its files over those of /etc.
func TestRoom(t *testing.T) {
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip is not installed")
	}
	s := start(t, "room")
	const build = `ip netns add red && ip link add p0 type veth peer name eth0 netns red &&
		mkdir -p /etc/netns/red && echo 10.0.0.1 only-here >/etc/netns/red/hosts`
	if text, status := output(t, s, "sh", "-c", build); status != 0 {
		t.Fatalf("status %d\n%s", status, text)
	}
	const look = "ls /sys/class/net; cat /etc/hosts"
	typed, _ := output(t, s, "ip", "netns", "exec", "red", "sh", "-c", look)
	got, status := outputOf(t, s, sandbox.Command{Argv: []string{"sh", "-c", look}, Env: os.Environ(), Room: "red"})
	if got != typed || !strings.Contains(got, "eth0\nlo\n") || !strings.Contains(got, "only-here") {
		t.Errorf("in the room (status %d):\n%s\nby ip netns exec:\n%s", status, got, typed)
	}
	if text, _ := output(t, s, "sh", "-c", look); strings.Contains(text, "only-here") || !strings.Contains(text, "p0\n") {
		t.Errorf("on the host, afterwards:\n%s", text)
	}
}

// What is no room is refused before anything runs.
func TestNoRoom(t *testing.T) {
	s := start(t, "noroom")
	if _, status := output(t, s, "sh", "-c", "mkdir -p /run/netns && touch /run/netns/plain && : >/run/netns/me && mount --bind /proc/self/ns/net /run/netns/me"); status != 0 {
		t.Fatal("status", status)
	}
	for room, want := range map[string]string{
		"red":      "open namespace red: no such file or directory",
		"plain":    "join the sandbox: setns: invalid argument",
		"me":       "me is another name of the host",
		"../netns": "open ../netns: invalid argument",
	} {
		_, err := s.RunCommand(sandbox.Command{Argv: []string{"false"}, Env: os.Environ(), Room: room})
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", room, err, want)
		}
	}
}
