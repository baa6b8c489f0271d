package proof

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"nslab/lab/op"
)

// net is where the calling thread's namespace tells of itself, see
// proc_pid_net(5).
const procNet = "/proc/thread-self/net/"

// listening are the sockets that wait for others, but for those at a port that
// the kernel has chosen: programs have such for a moment.
func listening(*view) ([]string, error) {
	var out []string
	low, high := chosenPorts()
	for _, proto := range []string{"tcp", "udp"} {
		all, err := op.WaitingHere(proto)
		if err != nil {
			return nil, err
		}
		for _, s := range all {
			if s.At.Port() < low || s.At.Port() > high {
				out = append(out, fmt.Sprintf("%s %s: user=%d", proto, s.At, s.User))
			}
		}
	}
	return out, nil
}

// chosenPorts are ip_local_port_range, see ip(7).
func chosenPorts() (low, high uint16) {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		_, err = fmt.Sscan(string(b), &low, &high)
	}
	if err != nil {
		return 32768, 60999
	}
	return low, high
}

// multicast are the groups that the interfaces listen to on layer 2, see
// ip-maddress(8).
func multicast(*view) ([]string, error) {
	var out []string
	err := eachLine(procNet+"dev_mcast", func(f []string) {
		if len(f) == 5 {
			out = append(out, f[1]+" "+f[4])
		}
	})
	return out, err
}

// legacyTables are the tables of the old iptables that are in use. nslab never
// touches them, and to ask for what is in one would make it.
func legacyTables(*view) ([]string, error) {
	var out []string
	for _, f := range []string{"ip_tables_names", "ip6_tables_names", "arp_tables_names"} {
		err := eachLine(procNet+f, func(words []string) { out = append(out, f+" "+strings.Join(words, " ")) })
		if err != nil && !unsupported(err) {
			return nil, err
		}
	}
	return out, nil
}

// eachLine calls f with the fields of every line of a file.
func eachLine(path string, f func([]string)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	s := bufio.NewScanner(file)
	for s.Scan() {
		f(strings.Fields(s.Text()))
	}
	return s.Err()
}
