package lab

import (
	"fmt"
	"os"
	"strings"

	"nslab/lab/netns"
	"nslab/lab/op"
)

// readRooms says what every name in /run/netns is.
func readRooms() map[string]string {
	rooms := map[string]string{}
	files, _ := os.ReadDir(netns.Dir) // none: no names
	for _, f := range files {
		rooms[f.Name()] = plainFile
		if netns.Exists(f.Name()) {
			rooms[f.Name()] = liveRoom
		}
	}
	return rooms
}

// readLogin finds the SSH connection that we were started over. sudo(8) hides
// it from us, but not from a look at those who have started us.
func readLogin() login {
	if l := parseLogin(os.Getenv("SSH_CONNECTION"), os.Getenv("SSH_CLIENT")); l != (login{}) {
		return l
	}
	for pid := os.Getppid(); pid > 1; pid = op.Parent(pid) {
		env := environ(pid)
		if l := parseLogin(env["SSH_CONNECTION"], env["SSH_CLIENT"]); l != (login{}) {
			return l
		}
	}
	return login{}
}

func environ(pid int) map[string]string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return nil
	}
	env := map[string]string{}
	for word := range strings.SplitSeq(string(b), "\x00") {
		if k, v, ok := strings.Cut(word, "="); ok {
			env[k] = v
		}
	}
	return env
}

// readListening reads who waits for clients.
func readListening() (out []socket) {
	for _, proto := range []string{"tcp", "udp"} {
		all, _ := op.WaitingHere(proto) // a machine that does not tell refuses nothing
		for _, w := range all {
			out = append(out, socket{proto, w.At.Addr(), w.At.Port()})
		}
	}
	return out
}
