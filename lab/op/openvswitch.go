package op

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"nslab/topology"
)

// OpenVSwitch is the fact that an Open vSwitch of the lab's own runs: the
// database, ovsdb-server(1), and the switch that does what the database says,
// ovs-vswitchd(8). Their sockets and the database are in Dir; one that the machine
// may run is neither asked nor disturbed. Like CNI it is made by other people's
// programs, here started and ended as services.
type OpenVSwitch struct{ NS, Dir string }

const (
	ovsDir  = "/run/openvswitch"       // where the programs look for each other when nobody says where
	ovsLabs = "/run/nslab/openvswitch" // and where those of labs on a machine do
)

// NewOpenVSwitch is the fact for a namespace. In a sandbox the host's Open
// vSwitch is where `ovs-vsctl` looks by itself: /run is the sandbox's own. On a
// machine it is in a directory of the lab.
func NewOpenVSwitch(ns, lab string, machine bool) OpenVSwitch {
	dir := ovsDir
	if machine {
		dir = ovsLabs + "/" + lab
	}
	if ns != topology.Host {
		dir += "." + ns
	}
	return OpenVSwitch{NS: ns, Dir: dir}
}

// ovsLog keeps the programs out of the machine's log. What they warn of is in
// the log of the service.
var ovsLog = []string{"-vsyslog:off", "-vconsole:warn"}

// daemons are the two programs, in the order in which they are started.
func (o OpenVSwitch) daemons() []Command {
	return []Command{
		{"ovsdb-server", o.db(), "--remote=punix:" + o.Dir + "/db.sock", "--pidfile"},
		{"ovs-vswitchd", "--disable-system", "--pidfile"},
	}
}

func (o OpenVSwitch) db() string { return o.Dir + "/conf.db" }

// service is the process that a daemon is.
func (o OpenVSwitch) service(daemon Command) Service {
	argv, _ := json.Marshal(o.knowing(append(daemon, ovsLog...)...)) // strings always marshal
	return Service{NS: o.NS, Kind: "command", Argv: string(argv)}
}

// Do makes an empty database and starts both. What was left of those that have
// ended is taken away before.
func (o OpenVSwitch) Do(k *Kernel) error {
	if err := o.Undo(k); err != nil {
		return err
	}
	if diff, err := o.foreign(k); diff != "" || err != nil {
		return errors.Join(err, errors.New(diff))
	}
	if err := o.claim(k); err != nil {
		return err
	}
	if err := o.run(k, "ovsdb-tool", "create", o.db()); err != nil {
		return err
	}
	for _, daemon := range o.daemons() {
		s := o.service(daemon)
		if err := s.start(k); err != nil {
			return err
		}
		if err := o.answers(k, daemon[0], s); err != nil {
			return err
		}
	}
	return nil
}

// Undo ends both and removes what they leave: a database, and the interface of the
// datapath, which outlives a switch that was killed.
func (o OpenVSwitch) Undo(k *Kernel) error {
	for _, daemon := range []Command{o.daemons()[1], o.daemons()[0]} {
		if err := o.service(daemon).Undo(k); err != nil {
			return err
		}
	}
	if err := o.datapath().del(k, tapKind); err != nil {
		return err
	}
	return o.tidy(k)
}

// datapath is the interface that every datapath in userspace has for itself.
func (o OpenVSwitch) datapath() device { return device{NS: o.NS, Name: "ovs-netdev"} }

// ovsObject is what the mark names.
const ovsObject = "openvswitch"

// mark says in the directory whose it is. It is there before the database.
func (o OpenVSwitch) mark() string { return o.Dir + "/nslab" }

func (o OpenVSwitch) claim(k *Kernel) error {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return err
	}
	return k.Around("write", o.mark(), func() error { return os.Symlink(k.Mark(ovsObject), o.mark()) })
}

func (o OpenVSwitch) own(k *Kernel) bool {
	mark, err := os.Readlink(o.mark())
	return err == nil && mark == k.Mark(ovsObject)
}

// foreign says that there is another Open vSwitch at this place.
func (o OpenVSwitch) foreign(k *Kernel) (string, error) {
	if o.own(k) {
		return "", nil
	}
	if _, err := os.Lstat(o.db()); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return "", err
	}
	return fmt.Sprintf("an Open vSwitch has its database in %s, but %s: %s, then nslab apply", o.Dir, Foreign, o.Inverse()), nil
}

// Diff asks for both processes.
func (o OpenVSwitch) Diff(k *Kernel) (string, error) {
	if diff, err := o.foreign(k); diff != "" || err != nil {
		return diff, err
	}
	for _, daemon := range o.daemons() {
		if diff, err := o.service(daemon).Diff(k); err != nil {
			return "", err
		} else if diff != "" { // or in a namespace that had the name before
			return fmt.Sprintf("%s does not run %s", daemon[0], place(o.NS)), nil
		}
	}
	if !o.own(k) {
		return o.Dir + " is not there", nil
	}
	return "", nil
}

// Command starts both as a person would.
func (o OpenVSwitch) Command() Command {
	c := Command{"mkdir", "-p", o.Dir}.Then(o.knowing("ovsdb-tool", "create", o.db())...)
	for _, daemon := range o.daemons() {
		c = c.Then(inside(o.NS, o.knowing(append(daemon, "--detach")...)...)...)
	}
	return c
}

// Inverse ends them, and has the switch take its interfaces away.
func (o OpenVSwitch) Inverse() Command {
	return Command(o.knowing("ovs-appctl", "exit", "--cleanup")).
		Then(o.knowing("ovs-appctl", "-t", "ovsdb-server", "exit")...).Then("unlink", o.db())
}

func (o OpenVSwitch) String() string { return "Open vSwitch runs " + place(o.NS) }

// On is nothing, as of a Service.
func (o OpenVSwitch) On() []Object { return nil }

// Makes is what its bridges stand on, and the interface of the datapath.
func (o OpenVSwitch) Makes() []Object { return []Object{o.object(), Dev(o.NS, o.datapath().Name)} }

func (o OpenVSwitch) object() Object { return Object("openvswitch/" + o.NS) }
