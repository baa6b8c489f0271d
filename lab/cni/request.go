package cni

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/utils"
	"github.com/containernetworking/cni/pkg/version"

	"nslab/lab/netns"
	"nslab/lab/op"
)

// The environment of a plugin.
const (
	envCommand   = "CNI_COMMAND"
	envContainer = "CNI_CONTAINERID"
	envNetns     = "CNI_NETNS"
	envIfName    = "CNI_IFNAME"
	envArgs      = "CNI_ARGS"
	envPath      = "CNI_PATH"
)

// request is what a runtime asks.
type request struct {
	name    string // by which nslab was called
	mark    string // begins the marks of what is made
	command string
	attachment
	netns   string // path of the container's namespace; "" when DEL comes without
	args    args
	badArgs error  // why args were not understood, when that does not matter
	raw     []byte // the configuration as it came
	conf    *conf
	ports   []published
	path    string // where plugins are
	stderr  io.Writer
	kernel  *op.Kernel
}

// begin runs f with the kernel, on one thread.
func (r *request) begin(f func(*request) (types.Result, error)) (result types.Result, err error) {
	err = (&op.Kernel{Dir: dir()}).Session(func(k *op.Kernel) error {
		r.kernel = k
		result, err = f(r)
		return err
	})
	return result, err
}

// inNamespace checks that the container's namespace is there.
func (r *request) inNamespace() error {
	n, err := netns.OpenPath(r.netns)
	if err != nil {
		return badEnv(envNetns, r.netns, err.Error())
	}
	return n.Close()
}

// read reads a request. When it fails after the version was understood, it
// returns the request, too.
func read(p Process, command string) (*request, error) {
	r := &request{
		name: p.Name, mark: cmp.Or(chains[p.Name].mark, "cni/"), command: command, netns: p.Getenv(envNetns), path: p.Getenv(envPath), stderr: p.Stderr,
		attachment: attachment{Container: p.Getenv(envContainer), IfName: p.Getenv(envIfName)},
	}
	if err := r.environment(p.Getenv); err != nil {
		return nil, err
	}
	var err error
	if r.raw, err = io.ReadAll(p.Stdin); err != nil {
		return nil, types.NewError(types.ErrIOFailure, "read the configuration from standard input", err.Error())
	}
	c, err := readConf(r.raw)
	if err != nil {
		return nil, err
	}
	r.Network = c.Name
	if err := supported(c.CNIVersion); err != nil {
		return nil, err
	}
	r.conf = c
	if err := since(r.command, c.CNIVersion); err != nil {
		return r, err
	}
	if r.args, r.badArgs = readArgs(p.Getenv(envArgs)); r.badArgs != nil && !r.takesBack() {
		return r, r.badArgs
	}
	return r, r.check()
}

// takesBack says whether the command takes back what an ADD has made. A runtime
// calls it after an ADD that was refused, too, and again until it succeeds: what
// ADD has refused is no reason to refuse once more.
func (r *request) takesBack() bool { return r.command == "DEL" || r.command == "GC" }

// check checks the values of the configuration.
func (r *request) check() error {
	c, behind := chains[r.name]
	switch {
	case behind:
		return r.checkChained(c)
	case !r.takesBack():
		return errors.Join(refuse(r.raw, unsupported), r.conf.check(), r.checkMAC(), r.readPorts())
	case utils.ValidateInterfaceName(r.conf.Bridge) != nil:
		r.conf.Bridge = "" // there never was one
	}
	return nil
}

// environment checks the variables that the command needs, all at once.
func (r *request) environment(getenv func(string) string) error {
	c, known := commands[r.command]
	if !known {
		return badEnv(envCommand, r.command, "is none of ADD, DEL, CHECK, GC, STATUS, VERSION")
	}
	missing := slices.DeleteFunc(slices.Clone(c.needs), func(v string) bool { return getenv(v) != "" })
	if len(missing) > 0 {
		return types.NewError(types.ErrInvalidEnvironmentVariables, r.command+" needs "+strings.Join(missing, ", "), "not in the environment")
	}
	if slices.Contains(c.needs, envContainer) {
		return r.attachment.check()
	}
	return nil
}

func badEnv(name, value, why string) error {
	return types.NewError(types.ErrInvalidEnvironmentVariables, fmt.Sprintf("%s=%q: %s", name, value, why), "")
}

// check checks the names that a runtime has given.
func (a attachment) check() error {
	if err := utils.ValidateContainerID(a.Container); err != nil {
		return badEnv(envContainer, a.Container, err.Msg)
	}
	if err := utils.ValidateInterfaceName(a.IfName); err != nil {
		return badEnv(envIfName, a.IfName, err.Msg)
	}
	return nil
}

// supported checks the version of the configuration.
func supported(v string) error {
	if !slices.Contains(version.All.SupportedVersions(), v) {
		return types.NewError(types.ErrIncompatibleCNIVersion, fmt.Sprintf("cniVersion %q is not supported", v),
			"supported: "+strings.Join(version.All.SupportedVersions(), ", "))
	}
	return nil
}

// since checks that a version has the command.
func since(command, v string) error {
	since := commands[command].since
	if ok, err := version.GreaterThanOrEqualTo(v, since); err != nil || !ok {
		return types.NewError(types.ErrIncompatibleCNIVersion, fmt.Sprintf("cniVersion %q has no %s", v, command), "since "+since)
	}
	return nil
}

// args are the arguments of CNI_ARGS, "K=V;K=V", by which users speak past the runtime.
type args struct {
	types.CommonArgs
	MAC types.UnmarshallableString
	IP  types.UnmarshallableString // addresses with commas between them

	GATEWAY types.UnmarshallableString // of those, for ipam static
}

func readArgs(text string) (a args, err error) {
	if err := types.LoadArgs(text, &a); err != nil {
		return a, badEnv(envArgs, text, err.Error())
	}
	return a, nil
}

func (r *request) checkMAC() error {
	if _, err := net.ParseMAC(r.mac()); r.mac() != "" && err != nil {
		return types.NewError(types.ErrInvalidNetworkConfig, fmt.Sprintf("mac %q: %v", r.mac(), err), "")
	}
	return nil
}

// mac is the address that the container's end is to have, "" for any.
func (r *request) mac() string {
	return cmp.Or(r.conf.RuntimeConfig.MAC, r.conf.Args.CNI.MAC, string(r.args.MAC))
}

// before is the result of the plugins ahead of this one in a chain or, for DEL
// and CHECK, of the whole chain; nil when there is none.
func (c *conf) before() (types.Result, error) {
	if len(c.PrevResult) == 0 || string(c.PrevResult) == "null" {
		return nil, nil //nolint:nilnil // none is an answer
	}
	result, err := version.NewResult(c.CNIVersion, c.PrevResult)
	if err == nil {
		err = whole(result)
	}
	if err != nil {
		return nil, types.NewError(types.ErrDecodingFailure, "prevResult: "+err.Error(), "")
	}
	return result, nil
}
