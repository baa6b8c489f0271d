package cni

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/utils"

	"nslab/lab/op"
)

// seeds are configurations as runtimes send them, and as nobody should.
var seeds = []string{
	`{"cniVersion":"1.1.0","name":"net","type":"nslab-bridge","bridge":"cni0","isGateway":true,"ipMasq":true,
	  "ipam":{"type":"host-local","ranges":[[{"subnet":"10.66.0.0/24","rangeStart":"10.66.0.9"}]],"routes":[{"dst":"0.0.0.0/0"}]}}`,
	`{"cniVersion":"1.0.0","name":"net","prevResult":{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/run/netns/c","mac":"02:00:00:00:00:01"}],
	  "ips":[{"interface":0,"address":"10.66.0.2/24","gateway":"10.66.0.1"}],"routes":[{"dst":"0.0.0.0/0","gw":"10.66.0.1"}],"dns":{}}}`,
	`{"cniVersion":"1.0.0","name":"net","prevResult":{"cniVersion":"1.0.0","interfaces":[null],"ips":[null],"routes":[null]}}`,
	`{"cniVersion":"0.2.0","name":"net","ipam":{"type":"host-local","subnet":"10.66.0.0/24"},"prevResult":{"cniVersion":"0.2.0","ip4":{"ip":"10.66.0.2/24","routes":null}}}`,
	`{"name":"net","mtu":-1,"vlan":7,"bridge":"a/b"}`,
	`{"cniVersion":"1.1.0","name":"../net","runtimeConfig":{"mac":"no","ips":["10.66.0.2/24",""],"ipRanges":[[{}]],"portMappings":[{}]}}`,
	`{"cniVersion":"1.1.0","name":"net","cni.dev/valid-attachments":[{"containerID":"c","ifname":"eth0"}]}`,
	"{\"name\":\"\x1b[31m\"}", `null`, `[]`, ``,
}

// FuzzRequest asks as a runtime might, with any environment and any
// configuration: what cannot be understood is told in one JSON document with a
// code, and what is understood has names that the kernel can have.
func FuzzRequest(f *testing.F) {
	for command := range commands {
		for _, conf := range seeds {
			f.Add(command, "c", "/run/netns/c", "eth0", "IgnoreUnknown=1;K8S_POD=a;MAC=02:00:00:00:00:01;IP=10.66.0.3,10.66.0.4", conf)
		}
	}
	f.Add("", "../c", "", "eth0\x1b[31m", "=;=", "")
	f.Fuzz(func(t *testing.T, command, container, ns, ifName, cniArgs, conf string) {
		env := map[string]string{envCommand: command, envContainer: container, envNetns: ns, envIfName: ifName, envArgs: cniArgs, envPath: t.TempDir()}
		p := Process{Getenv: func(k string) string { return env[k] }, Stdin: strings.NewReader(conf), Stderr: t.Output()}
		r, err := read(p, command)
		if err == nil {
			err = r.understood(t)
		}
		if err != nil {
			told(t, err)
		}
	})
}

// understood does what a command does before it asks the kernel.
func (r *request) understood(t *testing.T) error {
	t.Helper()
	if needs := commands[r.command].needs; len(needs) > 1 && (utils.ValidateInterfaceName(r.IfName) != nil || utils.ValidateContainerID(r.Container) != nil) {
		t.Errorf("%q of %q is no interface of a container", r.IfName, r.Container)
	}
	if utils.ValidateNetworkName(r.Network) != nil || !r.takesBack() && utils.ValidateInterfaceName(r.conf.Bridge) != nil || len(r.hostEnd()) > 15 {
		t.Errorf("network %q, bridge %q, end %q", r.Network, r.conf.Bridge, r.hostEnd())
	}
	r.conf.valid()
	if _, err := r.ipamOf(); err != nil {
		return err
	}
	if _, err := r.wanted(); err != nil {
		return err
	}
	before, err := r.conf.before()
	if err != nil {
		return err
	}
	result, err := startResult(before)
	if err != nil {
		return err
	}
	if err := r.said(t, result); err != nil {
		return err
	}
	_, err = result.GetAsVersion(r.conf.CNIVersion)
	return err
}

// said makes the facts that a result means, with what a person would type.
func (r *request) said(t *testing.T, result *current.Result) error {
	t.Helper()
	r.kernel = &op.Kernel{}
	own, mac, _ := r.own(result)
	facts, err := r.cableFacts(mac)
	if err != nil {
		return err
	}
	l := r.layer3(own)
	l.metric = make([]int, len(l.routes))
	for _, fact := range slices.Concat(facts, l.facts(r), l.settings(r), l.gateways(r)) {
		if fact.Op.String() == "" || len(fact.Command()) == 0 {
			t.Errorf("%#v says nothing", fact.Op)
		}
	}
	return nil
}

// told checks what a runtime is told: one document, with words and a code.
func told(t *testing.T, err error) {
	t.Helper()
	var out bytes.Buffer
	tellError(Process{Stdout: &out, Stderr: t.Output()}, "1.1.0", err)
	var e types.Error
	d := json.NewDecoder(&out)
	if derr := d.Decode(&e); derr != nil || d.More() || e.Code == 0 || e.Msg == "" {
		t.Errorf("%v is told as %s: %v", err, out.String(), derr)
	}
}
