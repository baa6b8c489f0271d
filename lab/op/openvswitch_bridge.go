package op

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"nslab/topology"
)

// OVSBridge is a switch of Open vSwitch, in its userspace datapath: what the
// switch does, ovs-vswitchd does, and no module of the kernel is needed. To the
// host it is a tap with the switch at its other end.
type OVSBridge struct {
	device
	Dir string // of its OpenVSwitch
}

// NewOVSBridge is the fact that a bridge of the file means.
func NewOVSBridge(b *topology.Bridge, o OpenVSwitch) OVSBridge {
	return OVSBridge{device: device{NS: b.In.Text, Name: b.Name.Text, MAC: b.MAC.Text}, Dir: o.Dir}
}

func (b OVSBridge) ovs() OpenVSwitch { return OpenVSwitch{b.NS, b.Dir} }

// Do makes the taps, so that they are marked, and then has Open vSwitch make the
// bridge, which takes them.
func (b OVSBridge) Do(k *Kernel) error {
	o := b.ovs()
	if _, err := k.link(b.NS, o.datapath().Name); errors.Is(err, unix.ENODEV) {
		if err := makeTap(k, o.datapath()); err != nil {
			return err
		}
	}
	if err := makeTap(k, b.device); err != nil {
		return taken(k, err, b.device)
	}
	words := append(b.adds(), "other_config:hwaddr="+b.addr(k).String(), "external_ids:nslab="+k.Lab)
	err := o.vsctl(k, words...)
	k.forget()
	return err
}

func (b OVSBridge) adds() []string {
	return []string{"add-br", b.Name, "--", "set", "bridge", b.Name, "datapath_type=netdev"}
}

// Undo removes the bridge from the database if the lab has put it there, and the
// tap, which stays where the switch was killed.
func (b OVSBridge) Undo(k *Kernel) error {
	if o := b.ovs(); o.running(k) {
		lab, ok, err := o.get(k, "get", "bridge", b.Name, "external_ids:nslab")
		if err == nil && ok && strings.Trim(lab, `"`) == k.Lab {
			err = o.vsctl(k, "del-br", b.Name)
		}
		if err != nil {
			return err
		}
		k.forget()
	}
	return b.del(k, tapKind)
}

// Diff checks that both the host and Open vSwitch have it.
func (b OVSBridge) Diff(k *Kernel) (string, error) {
	if diff, err := b.diff(k, tapKind); diff != "" || err != nil {
		return diff, err
	}
	if !b.ovs().running(k) {
		return "Open vSwitch does not run " + place(b.NS), nil
	}
	kind, ok, err := b.ovs().get(k, "get", "bridge", b.Name, "datapath_type")
	switch {
	case err != nil:
		return "", err
	case !ok:
		return fmt.Sprintf("Open vSwitch has no bridge %s: %s", b.Name, kind), nil
	case kind != "netdev":
		return fmt.Sprintf("%s has the datapath %s, not netdev", b.Name, cmp.Or(kind, "system")), nil
	}
	return "", nil
}

// Command is ovs-vsctl add-br.
func (b OVSBridge) Command() Command {
	words := append([]string{"ovs-vsctl"}, b.adds()...)
	if b.MAC != "" {
		words = append(words, "other_config:hwaddr="+b.MAC)
	}
	return b.ovs().knowing(words...)
}

// Inverse is ovs-vsctl del-br.
func (b OVSBridge) Inverse() Command { return b.ovs().knowing("ovs-vsctl", "del-br", b.Name) }

func (b OVSBridge) String() string { return fmt.Sprintf("Open vSwitch %s %s", b.Name, place(b.NS)) }

// On is its Open vSwitch, and the namespace.
func (b OVSBridge) On() []Object { return []Object{b.ovs().object(), NetNS(b.NS)} }

// OVSPort is the fact that an interface is a port of a bridge of Open vSwitch.
type OVSPort struct{ NS, Dev, Bridge, Dir string }

// NewOVSPort puts an interface beside the bridge into it.
func NewOVSPort(dev string, b OVSBridge) OVSPort { return OVSPort{b.NS, dev, b.Name, b.Dir} }

func (p OVSPort) ovs() OpenVSwitch { return OpenVSwitch{p.NS, p.Dir} }

// Do puts the port in. One that the database remembers, of an interface that has
// gone since, has to be out before: a switch that hears of both at once may keep
// to the interface that it knows.
func (p OVSPort) Do(k *Kernel) error {
	if err := p.ovs().vsctl(k, "--if-exists", "del-port", p.Bridge, p.Dev); err != nil {
		return err
	}
	return p.ovs().vsctl(k, "add-port", p.Bridge, p.Dev)
}

// Undo takes it out.
func (p OVSPort) Undo(k *Kernel) error {
	if !p.ovs().running(k) {
		return nil
	}
	bridge, ok, err := p.ovs().get(k, "port-to-br", p.Dev)
	if err != nil || !ok || bridge != p.Bridge {
		return err
	}
	return p.ovs().vsctl(k, "del-port", p.Bridge, p.Dev)
}

// Diff asks the database which bridge the interface is a port of, and whether the
// switch could open it: it has a number then.
func (p OVSPort) Diff(k *Kernel) (string, error) {
	port, err := k.link(p.NS, p.Dev)
	if err != nil {
		return missing(p.Dev+" "+place(p.NS), err)
	}
	if !p.ovs().running(k) {
		return "Open vSwitch does not run " + place(p.NS), nil
	}
	answer, ok, err := p.ovs().get(k, "iface-to-br", p.Dev, "--", "get", "interface", p.Dev, "ofport", "error")
	if err != nil {
		return "", err
	}
	bridge, rest, _ := strings.Cut(answer, "\n")
	number, problem, _ := strings.Cut(rest, "\n")
	switch {
	case !ok, bridge != p.Bridge:
		return fmt.Sprintf("%s is not a port of %s", p.Dev, p.Bridge), nil
	case number == "-1", number == "[]":
		return fmt.Sprintf("Open vSwitch cannot use %s: %s", p.Dev, problem), nil
	case port.flags&unix.IFF_PROMISC == 0: // a new cable with the name and the number of the old one
		return fmt.Sprintf("Open vSwitch does not listen to %s: it took its place for the one that was there before", p.Dev), nil
	}
	return "", nil
}

// Command is ovs-vsctl add-port.
func (p OVSPort) Command() Command { return p.ovs().knowing("ovs-vsctl", "add-port", p.Bridge, p.Dev) }

// Inverse is ovs-vsctl del-port.
func (p OVSPort) Inverse() Command { return p.ovs().knowing("ovs-vsctl", "del-port", p.Bridge, p.Dev) }

func (p OVSPort) String() string { return fmt.Sprintf("%s is a port of %s", p.Dev, p.Bridge) }

// On is the port and the bridge. The namespace has the engine take the port out by
// its own hand: the database would remember it.
func (p OVSPort) On() []Object {
	return []Object{Dev(p.NS, p.Dev), Dev(p.NS, p.Bridge), NetNS(p.NS)}
}

// Makes is the line in the database.
func (p OVSPort) Makes() []Object { return []Object{Object("port/" + p.NS + "/" + p.Dev)} }
