// Package plugins is the other side of the Container Network Interface: nslab
// as a container runtime, which calls the plugins of a network for a namespace,
// https://www.cni.dev/docs/spec/#section-2-execution-protocol. What the
// specification wants of a runtime beyond libcni is here: a failed ADD is
// followed by DEL, what may have been made is written down before it is made,
// and GC speaks only of what this runtime has attached.
package plugins

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/utils"

	"nslab/lab/netns"
)

// Dir is where nslab remembers what it has attached: its own directory, since GC
// sends DEL for whatever it finds there.
const Dir = "/run/nslab/cni"

// deadline is how long the plugins of a network may take for one command.
// A server of DHCP may take some seconds to answer.
const deadline = 60 * time.Second

// ErrAttached is the error of Add for what is attached already.
var ErrAttached = errors.New("attached already")

// Runtime calls plugins. The zero value looks for them where the machine has
// them and remembers in [Dir].
type Runtime struct {
	Path   []string  // directories of plugins; SearchPath when nil
	Dir    string    // where attachments are remembered; Dir when ""
	Stderr io.Writer // what plugins say to a person; nil: nobody listens
}

// Attachment is an interface of a container in a network.
type Attachment struct {
	ID           string // of the container
	NetNS        string // path of its namespace
	IfName       string
	Args         string         // CNI_ARGS: "K=V;K=V"
	Capabilities map[string]any // what the runtime offers to plugins that declare it
}

// Named is the attachment of a namespace of ip-netns(8) or, where there is a
// slash in it, of the path of one. Its container has the name of the namespace.
func Named(ns, ifName string) Attachment {
	a := Attachment{ID: "nslab-" + ns, NetNS: filepath.Join(netns.Dir, ns), IfName: cmp.Or(ifName, "eth0")}
	if strings.Contains(ns, "/") {
		a.ID, a.NetNS = "nslab-"+strings.NewReplacer("/", "_").Replace(strings.Trim(ns, "/")), ns
	}
	return a
}

// SearchPath is where plugins are looked for: CNI_PATH, else where
// distributions and Kubernetes put them. What a lab file says never counts.
func SearchPath() []string {
	if path := os.Getenv("CNI_PATH"); path != "" {
		return filepath.SplitList(path)
	}
	return []string{"/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"}
}

// Add attaches a namespace to a network and returns what the last plugin has
// answered. When a plugin fails, the others are told to take back what they did.
func (r Runtime) Add(n *Network, a Attachment) (result []byte, err error) {
	err = r.lockedFor(a, func() error {
		if err := errors.Join(r.installed(n), r.room(n, a)); err != nil {
			return err
		}
		if err := r.begin(n, a); err != nil {
			return err
		}
		done, err := r.lib().AddNetworkList(context.Background(), n.list, a.conf())
		if err != nil {
			return errors.Join(n.failed("ADD", err), r.del(n, a))
		}
		result, err = json.MarshalIndent(done, "", "    ")
		return err
	})
	return result, err
}

// room checks that ADD may be called: once, in a namespace that is there, for an
// interface that is not. A DEL of the reference's bridge, after the ADD that
// has failed, would take away an interface that somebody else has made.
func (r Runtime) room(n *Network, a Attachment) error {
	ns, err := netns.OpenPath(a.NetNS)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no namespace %s, which a runtime makes before ADD (`ip netns add %s`): %w", a.NetNS, filepath.Base(a.NetNS), err)
	case err != nil:
		return err
	}
	defer ns.Close()
	if r.Has(n, a) {
		return fmt.Errorf("%s of %s is %w to %s: nslab cni del first", a.IfName, a.ID, ErrAttached, n.Name)
	}
	return ns.Do(func() error {
		if _, err := net.InterfaceByName(a.IfName); err == nil {
			return fmt.Errorf("%s has an interface %s already, and the network %s did not make it: choose another ifname", a.NetNS, a.IfName, n.Name)
		}
		return nil
	})
}

// installed checks that every plugin of the network is there, before the first
// of them does anything.
func (r Runtime) installed(n *Network) error {
	var errs []error
	for _, t := range n.Types() {
		_, err := (&caller{}).FindInPath(t, r.path())
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Del takes an attachment back. It may be called again, and for what was never
// attached; the plugins are asked in the reverse order.
func (r Runtime) Del(n *Network, a Attachment) error {
	return r.lockedFor(a, func() error { return r.del(n, a) })
}

// lockedFor is locked, for an attachment whose names can be used.
func (r Runtime) lockedFor(a Attachment, f func() error) error {
	if err := a.check(); err != nil {
		return err
	}
	return r.locked(f)
}

// check checks the names before any plugin sees them.
func (a Attachment) check() error {
	if err := utils.ValidateContainerID(a.ID); err != nil {
		return fmt.Errorf("container %q: %s", a.ID, err.Msg)
	}
	if err := utils.ValidateInterfaceName(a.IfName); err != nil {
		return fmt.Errorf("ifname %q: %s", a.IfName, err.Msg)
	}
	if !filepath.IsAbs(a.NetNS) {
		return fmt.Errorf("namespace %q: want a name of ip netns, or a path from /", a.NetNS)
	}
	return nil
}

func (r Runtime) del(n *Network, a Attachment) error {
	if _, err := os.Stat(a.NetNS); err != nil {
		a.NetNS = "" // the specification's word for a namespace that is gone
	}
	if err := r.lib().DelNetworkList(context.Background(), n.list, a.conf()); err != nil {
		return n.failed("DEL", err)
	}
	return r.forget(n, a)
}

// Check asks the plugins whether all is as ADD has left it. A network may say
// disableCheck, and before version 0.4.0 nobody could be asked.
func (r Runtime) Check(n *Network, a Attachment) error {
	return r.lockedFor(a, func() error {
		if !r.Has(n, a) {
			return fmt.Errorf("%s of %s is not attached to %s: nslab cni add first", a.IfName, a.ID, n.Name)
		}
		err := r.lib().CheckNetworkList(context.Background(), n.list, a.conf())
		if err == nil || errors.Is(err, libcni.ErrorCheckNotSupp) {
			return nil
		}
		return n.failed("CHECK", err)
	})
}

// Status asks the plugins whether ADD could be served.
func (r Runtime) Status(n *Network) error {
	return r.locked(func() error {
		if err := r.lib().GetStatusNetworkList(context.Background(), n.list); err != nil {
			return n.failed("STATUS", err)
		}
		return nil
	})
}

// GC takes back what this runtime has attached to the network and whose
// namespace is gone, and tells the plugins what is still valid. It goes on after
// a failure and tells them all. It returns what was taken back.
func (r Runtime) GC(n *Network) (gone []Attachment, err error) {
	err = r.locked(func() error {
		if n.list.DisableGC {
			return nil
		}
		valid := []types.GCAttachment{}
		var errs []error
		for _, a := range r.attached(n) {
			if ns, err := netns.OpenPath(a.NetNS); err == nil {
				ns.Close()
				valid = append(valid, types.GCAttachment{ContainerID: a.ID, IfName: a.IfName})
				continue
			}
			gone = append(gone, a)
			errs = append(errs, r.del(n, a))
		}
		err := r.lib().GCNetworkList(context.Background(), n.list, &libcni.GCArgs{ValidAttachments: valid})
		if err != nil {
			err = n.failed("GC", err)
		}
		return errors.Join(append(errs, err)...)
	})
	return gone, err
}

func (r Runtime) lib() *libcni.CNIConfig {
	return libcni.NewCNIConfigWithCacheDir(r.path(), r.dir(), &caller{r.Stderr})
}

func (r Runtime) path() []string {
	if r.Path == nil {
		return SearchPath()
	}
	return r.Path
}

func (r Runtime) dir() string { return cmp.Or(r.Dir, Dir) }

func (a Attachment) conf() *libcni.RuntimeConf {
	rt := &libcni.RuntimeConf{ContainerID: a.ID, NetNS: a.NetNS, IfName: a.IfName, CapabilityArgs: a.Capabilities}
	for pair := range strings.SplitSeq(a.Args, ";") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			rt.Args = append(rt.Args, [2]string{k, v})
		}
	}
	return rt
}
