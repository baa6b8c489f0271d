package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"nslab/lab/op"
	"nslab/lab/sandbox"
	"nslab/topology"
)

// finding is one thing that was looked at.
type finding struct {
	What   string `json:"what"`
	State  string `json:"state"` // ok, missing, or note
	Found  string `json:"found,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

func doctorCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "what this kernel and this user can do, and what is in the way",
		Description: `Tries what a lab needs in a sandbox of its own, which it takes away again.
Exit status 3 when no lab could be built here.`,
		Flags: []cli.Flag{outputFlag("text", "json")},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0, "no argument"); err != nil {
				return err
			}
			if name, ok := sandbox.Inside(); ok && strings.HasPrefix(name, "doctor-") {
				return doctorInside(s)
			}
			return doctor(s, c)
		},
	}
}

func doctor(s streams, c *cli.Context) error {
	found := []finding{kernelRelease(), whoami()}
	b, err := sandbox.StartThrowaway(fmt.Sprintf("doctor-%d", os.Getpid()))
	if err != nil {
		found = append(found, finding{"a sandbox", "missing", err.Error(), sandbox.Refused(err)})
		return diagnosed(s, c, append(found, tools()...))
	}
	defer func() { _ = b.Kill() }()
	started := finding{What: "a sandbox", State: "ok", Found: "started"}
	if os.Geteuid() != 0 {
		started.Found = "started, no root needed"
	}
	inside, err := foundInside(b)
	if err != nil {
		return err
	}
	return diagnosed(s, c, append(append(found, started), inside...))
}

// foundInside runs this command again in the sandbox and reads what it found.
func foundInside(b *sandbox.Sandbox) ([]finding, error) {
	out, err := memory()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	code, err := b.RunCommand(sandbox.Command{
		Argv:  []string{"/proc/self/exe", "doctor", "-o", "json"},
		Env:   os.Environ(),
		Files: []*os.File{os.Stdin, out, os.Stderr},
	})
	if err != nil {
		return nil, err
	}
	var found []finding
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(out).Decode(&found); err != nil {
		return nil, &codeError{exitCannot, fmt.Errorf("the doctor in the sandbox said nothing (exit status %d): %w", code, err)}
	}
	return found, nil
}

func doctorInside(s streams) error {
	found := append(features(), settings()...)
	return printJSON(s.out, append(found, tools()...))
}

func diagnosed(s streams, c *cli.Context, found []finding) error {
	if err := printFindings(s, c, found); err != nil {
		return err
	}
	for _, f := range found {
		if f.State == "missing" {
			return status(exitCannot)
		}
	}
	return nil
}

func printFindings(s streams, c *cli.Context, found []finding) error {
	if c.String("output") == "json" {
		return printJSON(s.out, found)
	}
	t := newTable(s)
	for _, f := range found {
		t.AppendRow(table.Row{f.State, f.What, topology.Printable(f.Found)})
		if f.Remedy != "" {
			t.AppendRow(table.Row{"", "", topology.Printable(f.Remedy)})
		}
	}
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 1, WidthMin: 7}, {Number: 2, WidthMin: 26}})
	t.Render()
	return nil
}

func kernelRelease() finding {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return finding{"kernel", "note", err.Error(), ""}
	}
	return finding{What: "kernel", State: "ok", Found: string(bytes.TrimRight(u.Release[:], "\x00"))}
}

func whoami() finding {
	if os.Geteuid() == 0 {
		return finding{What: "user", State: "ok", Found: "root: labs in sandboxes, and on this machine (host: machine)"}
	}
	return finding{What: "user", State: "ok", Found: "an ordinary user: labs in sandboxes"}
}

// features makes one fact of each sort and takes it away again.
func features() []finding {
	k := &op.Kernel{Lab: "doctor", Dir: "/run/nslab"}
	room := op.Namespace{Name: "doctor"}
	veth, bridge := op.Examples()
	facts := []struct {
		what   string
		fact   op.Op
		remedy string
	}{
		{"network namespaces", room, "CONFIG_NET_NS"},
		{"veth cables", veth, "modprobe veth (CONFIG_VETH)"},
		{"bridges", bridge, "modprobe bridge (CONFIG_BRIDGE)"},
		{"forwarding", op.Sysctl{NS: topology.Host, Key: "net.ipv4.ip_forward", Value: "1"}, "a writable /proc/sys/net"},
		{"NAT as iptables shows it", op.Masquerade{NS: topology.Host, From: netip.MustParsePrefix("192.0.2.0/24")}, "modprobe nft_compat nft_chain_nat xt_MASQUERADE (CONFIG_NFT_COMPAT)"},
	}
	var out []finding
	for _, f := range facts {
		if err := f.fact.Do(k); err != nil {
			out = append(out, finding{f.what, "missing", err.Error(), f.remedy})
			continue
		}
		out = append(out, finding{What: f.what, State: "ok"})
	}
	for _, f := range slices.Backward(facts) {
		_ = f.fact.Undo(k) // the sandbox goes anyway
	}
	return out
}

// settings explains what a fresh namespace of this kernel starts with.
func settings() []finding {
	b, err := os.ReadFile("/proc/sys/net/bridge/bridge-nf-call-iptables")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []finding{{What: "br_netfilter", State: "ok", Found: "not loaded: bridged frames never meet iptables"}}
	case err != nil:
		return []finding{{What: "br_netfilter", State: "note", Found: err.Error()}}
	case strings.TrimSpace(string(b)) == "1":
		return []finding{{What: "br_netfilter", State: "note", Found: "bridged frames pass iptables in every new namespace; nslab switches that off in its sandboxes"}}
	}
	return []finding{{What: "br_netfilter", State: "ok", Found: "off"}}
}

// tools are not needed to build, verify and destroy; the lecture types them.
func tools() []finding {
	var out []finding
	for _, t := range []struct{ name, debian string }{
		{"ip", "iproute2"}, {"iptables", "iptables"}, {"nft", "nftables"}, {"ping", "iputils-ping"}, {"curl", "curl"},
	} {
		path, err := exec.LookPath(t.name)
		f := finding{What: t.name, State: "ok", Found: path}
		if err != nil {
			f = finding{t.name, "note", "not installed; only you would type it, nslab does without", "apt-get install " + t.debian}
		}
		out = append(out, f)
	}
	return out
}
