package cni_test

import "testing"

// rows are what the specification, version 1.1.0, and the conventions beside it
// want of a plugin. https://www.cni.dev/docs/spec/
var rows = []struct {
	row  string
	says string
	test func(*rig)
}{
	{"P1", "CNI_COMMAND is one of six, anything else is code 4", rowCommand},
	{"P2", "variables that a command needs, all missing ones named, code 4", rowVariables},
	{"P3", "a container ID is letters, digits, _ . -", rowContainerID},
	{"P4", "a name that no interface can have is code 4", rowIfName},
	{"P5", "a network has a name, code 7", rowNetworkName},
	{"P6", "no JSON is code 6, no input code 5", rowInput},
	{"P7", "a version nobody knows is code 1 and does nothing", rowVersion},
	{"P8", "unknown keys pass, what is not supported is code 2", rowUnknownKeys},
	{"P9", "exit status 0 is success, all else is failure", rowExitStatus},
	{"P10", "an error is JSON on standard output, with its version", rowErrorJSON},
	{"P11", "standard output has one JSON document or nothing", rowOneDocument},
	{"P12", "codes are the specification's, own ones from 100", rowCodes},
	{"P13", "an interface that is there is an error and stays", rowInterfaceThere},
	{"P14", "interfaces: bridge, host end, container end in its sandbox", rowInterfaces},
	{"P15", "addresses in the form of each version", rowAddresses},
	{"P16", "routes and DNS are passed on", rowRoutesDNS},
	{"P17", "prevResult is in the result", rowPrevResult},
	{"P18", "a failed ADD leaves nothing", rowFailedAdd},
	{"P19", "the IPAM plugin has environment and configuration, and a voice", rowDelegate},
	{"P20", "CHECK, DEL, GC, STATUS reach the IPAM plugin", rowDelegateAll},
	{"P21", "an IPAM result speaks of no interface", rowDelegateIndex},
	{"P22", "DEL again, of nothing, of what is gone is success", rowDelAgain},
	{"P23", "DEL gives the address back without the namespace", rowDelWithoutNamespace},
	{"P24", "DEL without CNI_NETNS removes the host end", rowDelWithoutNetns},
	{"P25", "CHECK sees what is not as ADD has left it", rowCheck},
	{"P26", "CHECK does not mind what others have added", rowCheckTolerates},
	{"P27", "CHECK sees a lost NAT rule and a lost reservation", rowCheckRules},
	{"P28", "CHECK since 0.4.0, GC and STATUS since 1.1.0", rowSince},
	{"P29", "CHECK right after ADD succeeds", rowCheckAtOnce},
	{"P30", "STATUS says when ADD cannot be served", rowStatus},
	{"P31", "STATUS, CHECK and VERSION change nothing", rowNoEffect},
	{"P32", "VERSION answers in the version asked for", rowVersionCommand},
	{"P33", "GC removes what is not valid and keeps the rest", rowGC},
	{"P34", "GC without a list does nothing and says so", rowGCWithoutList},
	{"P35", "many containers at the same time", rowParallel},
	{"P36", "CNI_ARGS", rowArgs},
	{"P37", "runtimeConfig: mac, ips, ipRanges", rowRuntimeConfig},
	{"P38", "typed by a person it says what it is", rowAbout},
	{"P39", "CNI_NETNS is any path of a namespace", rowNetnsPaths},
	{"P40", "ipMasq, isDefaultGateway and the others mean what they mean", rowKeys},
	{"P41", "portMappings are led to the container, for CHECK, DEL and GC as well", rowPorts},
	{"P42", "a port of the host that is taken is refused", rowPortsTaken},
	{"P43", "a port that moves to another container takes its clients along", rowPortsMove},
	{"P44", "ipam static: what is written down, as the reference gives it", rowStatic},
	{"P45", "ipam dhcp: by the cable, with the reference's daemon", rowDHCP},
	{"P46", "behind another plugin: portmap and firewall", rowChained},
	{"P47", "routes with mtu, advmss, priority, table and scope", rowRouteOptions},
	{"P48", "macspoofchk: frames under another address are dropped, for CHECK, DEL and GC as well", rowMACSpoof},
	{"P49", "an installed host-local that is too old for the version is no obstacle", rowDelegateTooOld},
	{"P50", "ipam dhcp: nslab's own, with the answer of the reference's, gives back what it has", rowLease},
}

// TestRows prints the rows with -v. Each runs the real program.
func TestRows(t *testing.T) {
	for _, row := range rows {
		t.Run(row.row+" "+row.says, func(t *testing.T) { row.test(newRig(t)) })
	}
}
