package op

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"

	"nslab/lab/plugins"
	"nslab/topology"
)

// CNI is the fact that the plugins of a network have attached a namespace: ADD
// was called, and CHECK has nothing to say against it. It is the only fact that
// other people's programs make, so its truth is what they say of it, and that
// the interface is there. What was attached is written down in plugins.Dir,
// where `nslab cni` of a person finds it too.
type CNI struct {
	NS, IfName   string
	Network      string
	Conf         string // the configuration list, as JSON
	Args         string // CNI_ARGS
	Capabilities string // a JSON object; "" for none
}

// NewCNI makes the fact of an attachment of the file.
func NewCNI(ns string, x topology.Attachment, s *topology.State) CNI {
	return CNI{
		NS: ns, IfName: x.IfName.Text, Network: x.Network.Text, Conf: s.Conf(x.Network.Text), Args: x.Args, Capabilities: x.Capabilities,
	}
}

// attachment is what nslab, as the runtime, asks of the plugins.
func (c CNI) attachment() (*plugins.Network, plugins.Attachment, error) {
	a := plugins.Named(c.NS, c.IfName)
	a.Args = c.Args
	n, err := plugins.ReadNetwork([]byte(c.Conf))
	if err == nil && c.Capabilities != "" {
		err = json.Unmarshal([]byte(c.Capabilities), &a.Capabilities)
	}
	return n, a, err
}

// Do calls ADD. The plugins run on the lab's host, where the caller is.
func (c CNI) Do(*Kernel) error {
	n, a, err := c.attachment()
	if err != nil {
		return err
	}
	_, err = plugins.Runtime{}.Add(n, a)
	return unanswered(err)
}

// Undo calls DEL, when ADD was begun once. The plugin dhcp refuses DEL without its
// daemon, so one that has been killed is started again.
func (c CNI) Undo(k *Kernel) error {
	n, a, err := c.attachment()
	if err != nil || !(plugins.Runtime{}).Has(n, a) {
		return err
	}
	if d, needed := NewDHCPDaemon(c.Conf); needed {
		if diff, _ := d.Diff(k); diff != "" {
			if err := d.Do(k); err != nil {
				return err
			}
		}
	}
	return plugins.Runtime{}.Del(n, a)
}

// Diff looks for the interface and calls CHECK.
func (c CNI) Diff(k *Kernel) (string, error) {
	n, a, err := c.attachment()
	if err != nil {
		return "", err
	}
	if !(plugins.Runtime{}).Has(n, a) {
		return fmt.Sprintf("%s is not attached to the network %s", c.NS, c.Network), nil
	}
	err = k.Inside(c.NS, func() error {
		_, err := net.InterfaceByName(c.IfName)
		return err
	})
	if noInterface := (*net.OpError)(nil); errors.As(err, &noInterface) || absent(err) {
		return fmt.Sprintf("%s %s, which the network %s has made, does not exist", c.IfName, place(c.NS), c.Network), nil
	}
	if err != nil {
		return "", err
	}
	if err := (plugins.Runtime{}).Check(n, a); err != nil {
		if told := (*plugins.Error)(nil); errors.As(err, &told) {
			return err.Error(), nil
		}
		return "", err
	}
	return "", nil
}

// Command is a remark: a script of ip(8) and its kin cannot be a runtime.
func (c CNI) Command() Command { return Remark(fmt.Sprintf("%s: %s", c, c.typed("add"))) }

// Inverse is a remark as well.
func (c CNI) Inverse() Command { return Remark(c.typed("del").String()) }

// typed is what a person types to the same end.
func (c CNI) typed(verb string) Command {
	cmd := Command{"nslab", "cni", verb, c.Conf, c.NS}
	if c.IfName != "eth0" {
		cmd = append(cmd, "--ifname", c.IfName)
	}
	if c.Args != "" {
		cmd = append(cmd, "--args", c.Args)
	}
	if c.Capabilities != "" {
		cmd = append(cmd, "--capabilities", c.Capabilities)
	}
	return cmd
}

func (c CNI) String() string {
	by := "its plugins"
	if n, err := plugins.ReadNetwork([]byte(c.Conf)); err == nil {
		by = strings.Join(n.Types(), ", ")
	}
	return fmt.Sprintf("%s %s on the network %s, by %s", c.IfName, place(c.NS), c.Network, by)
}

// On is nothing: what plugins have made outside of the namespace, such as an
// address that was given away, only DEL takes back.
func (c CNI) On() []Object { return nil }

// Makes is the interface.
func (c CNI) Makes() []Object { return []Object{Dev(c.NS, c.IfName)} }
