package op

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nslab/lab/plugins"
	"nslab/topology"
)

// dhcpSocket is where the plugin dhcp looks for its daemon when nobody says where.
const dhcpSocket = "/run/cni/dhcp.sock"

// DHCPDaemon is the fact that the plugin dhcp finds its daemon, which keeps and
// renews what a server has lent: https://www.cni.dev/plugins/current/ipam/dhcp/.
// Whose it is does not matter: one that a machine has is used, and left alone.
// Where the plugin is not installed there is nothing to do, since nslab asks
// servers itself.
type DHCPDaemon struct{ Socket string }

// NewDHCPDaemon is the daemon that a network needs; false when it needs none.
func NewDHCPDaemon(conf string) (DHCPDaemon, bool) {
	var list struct {
		Plugins []struct {
			IPAM struct {
				Type   string `json:"type"`
				Socket string `json:"daemonSocketPath"`
			} `json:"ipam"`
		} `json:"plugins"`
	}
	_ = json.Unmarshal([]byte(conf), &list) // who calls the plugins says what is wrong with it
	for _, p := range list.Plugins {
		if p.IPAM.Type == "dhcp" {
			return DHCPDaemon{cmp.Or(p.IPAM.Socket, dhcpSocket)}, true
		}
	}
	return DHCPDaemon{}, false
}

// program is the plugin, "" when it is not installed.
func (d DHCPDaemon) program() string { return plugins.Installed("dhcp") }

// dhcpObject is what the mark of the daemon names, and markEnv where it is; madeEnv
// is where the daemon has the directory that was made for it.
const (
	dhcpObject = "dhcp"
	markEnv    = "NSLAB_MARK="
	madeEnv    = "NSLAB_MADE="
)

// service is the process. It is known by the socket, since the plugin may be
// elsewhere tomorrow. Left to itself it asks for minutes before it says that
// nobody answers.
func (d DHCPDaemon) service(k *Kernel) Service {
	argv, _ := json.Marshal(Command{ // strings always marshal
		"env", markEnv + k.Mark(dhcpObject), madeEnv + k.was(d), d.program(), "daemon", "-socketpath", d.Socket, "-timeout", "2s", "-resendmax", "1s",
	})
	return Service{NS: topology.Host, Kind: "command", Argv: string(argv), knownAs: "cni-" + strings.NewReplacer("/", "-", ".", "-").Replace(d.Socket)}
}

// Before is the outermost directory that has to be made for the socket, "" for none.
func (d DHCPDaemon) Before(*Kernel) (outermost string, err error) {
	for dir := filepath.Dir(d.Socket); ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return outermost, err
		}
		outermost = dir
	}
}

// Do starts the daemon unless there is one.
func (d DHCPDaemon) Do(k *Kernel) error {
	if err := d.Undo(k); err != nil || d.program() == "" || d.listens() {
		return err
	}
	if _, err := os.Lstat(d.Socket); err == nil {
		return fmt.Errorf("%s is there, and nobody listens: a daemon of the plugin dhcp has left it (rm %[1]s)", d.Socket)
	}
	if err := os.MkdirAll(filepath.Dir(d.Socket), 0o700); err != nil {
		return err
	}
	s := d.service(k)
	if err := s.start(k); err != nil {
		return err
	}
	p, err := s.appears(k, "the daemon of the plugin dhcp", func(int) string { return d.Socket })
	if err != nil {
		return err
	}
	return d.answers(k, s, p)
}

// answers returns when the daemon listens. Between bind(2) and listen(2) there is no
// event to wait for, but that it ends.
func (d DHCPDaemon) answers(k *Kernel, s Service, p process) error {
	const moment = 5 * time.Millisecond
	pidfd, err := p.open()
	if err != nil {
		return err
	}
	if pidfd >= 0 {
		defer unix.Close(pidfd)
	}
	for until := time.Now().Add(startDeadline); !d.listens(); {
		switch {
		case pidfd < 0 || ended(pidfd, moment):
			return fmt.Errorf("the daemon of the plugin dhcp has ended: %s", s.told(k))
		case time.Now().After(until):
			return fmt.Errorf("the daemon of the plugin dhcp has made %s, and does not listen %v later: %s", d.Socket, startDeadline, s.told(k))
		}
	}
	return nil
}

// listens says whether there is a daemon.
func (d DHCPDaemon) listens() bool {
	c, err := (&net.Dialer{}).DialContext(context.Background(), "unix", d.Socket)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// Undo ends the daemon that the lab has started, and removes the socket that it
// leaves when it is killed, and what was made for it.
func (d DHCPDaemon) Undo(k *Kernel) error {
	s := d.service(k)
	p, err := s.recorded(k)
	if err != nil {
		return err
	}
	if err := k.Around("end", d, p.end); err != nil {
		return fmt.Errorf("%s (process %d): %w", d, p.pid, err)
	}
	if p.pid != 0 {
		if err := d.tidy(); err != nil {
			return err
		}
	}
	d.tidyDirs(k.was(d))
	return s.forget(k)
}

// tidy removes the socket of a daemon that has ended, if nobody else has it now.
func (d DHCPDaemon) tidy() error {
	if d.listens() {
		return nil
	}
	return gone(os.Remove(d.Socket))
}

// tidyDirs removes the directories that were made for the socket, up to the
// outermost, each only when it is empty.
func (d DHCPDaemon) tidyDirs(outermost string) {
	for dir := filepath.Dir(d.Socket); outermost != "" && strings.HasPrefix(dir+"/", outermost+"/"); dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil {
			return
		}
	}
}

// collect is what gc does once a daemon of a lost lab has ended.
func (d DHCPDaemon) collect(made string) error {
	if err := d.tidy(); err != nil {
		return err
	}
	d.tidyDirs(made)
	return nil
}

// Diff asks whether there is a daemon.
func (d DHCPDaemon) Diff(*Kernel) (string, error) {
	if d.program() == "" || d.listens() {
		return "", nil
	}
	return d.String() + " does not listen", nil
}

// Command is a remark, as of the attachments that need it.
func (d DHCPDaemon) Command() Command {
	words := Command{"dhcp", "daemon"}
	if d.Socket != dhcpSocket {
		words = append(words, "-socketpath", d.Socket)
	}
	return Remark(fmt.Sprintf("%s: nslab starts it where the plugin is installed, with `%s`", d, words))
}

// Inverse is a remark as well.
func (d DHCPDaemon) Inverse() Command { return Remark("stop " + d.String()) }

func (d DHCPDaemon) String() string {
	return "the daemon of the CNI plugin dhcp at " + d.Socket
}

// On is nothing, as of a Service.
func (d DHCPDaemon) On() []Object { return nil }

// unanswered adds what it means when the daemon says that it has given up.
func unanswered(err error) error {
	if err == nil || !strings.Contains(err.Error(), "no more tries") {
		return err
	}
	return fmt.Errorf("%w: it has asked for an address, and no server of DHCP has answered. Is one on the network, and has it an address left?", err)
}

// daemonOf is the lab that has started a process as such a daemon, and where its
// socket is; lab is "" when it is none.
func daemonOf(pid int) (lab, socket string) {
	argv := cmdline(pid)
	if len(argv) < 4 || filepath.Base(argv[0]) != "dhcp" || argv[1] != "daemon" || !serviceLike(pid) {
		return "", ""
	}
	lab, object, _ := readMark(environ(pid, markEnv))
	if object != dhcpObject {
		return "", ""
	}
	return lab, argv[3]
}
