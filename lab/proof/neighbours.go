package proof

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// neighbourWords are those of rtnetlink(7).
var neighbourWords = vocabulary{
	unix.NDA_DST:       leftOut, // it is the key
	unix.NDA_CACHEINFO: leftOut,
	unix.NDA_PROBES:    leftOut,
	unix.NDA_LLADDR:    {"mac", mac},
	unix.NDA_VLAN:      {"vlan", number},
	unix.NDA_IFINDEX:   {"via", device},
	unix.NDA_MASTER:    {"master", device},
}

// neighbours are those that somebody has entered, see ip-neighbour(8); what the
// kernel has learnt comes and goes.
func neighbours(v *view) ([]string, error) {
	return v.neighbours(unix.AF_UNSPEC, 0, unix.NUD_PERMANENT)
}

// proxies are the addresses that this machine answers for.
func proxies(v *view) ([]string, error) {
	return v.neighbours(unix.AF_UNSPEC, unix.NTF_PROXY, 0)
}

// fdb is what somebody has entered into the tables of the switches, see
// bridge(8).
func fdb(v *view) ([]string, error) {
	return v.neighbours(unix.AF_BRIDGE, 0, unix.NUD_PERMANENT|unix.NUD_NOARP)
}

// neighbours lists those that are in one of the states, all for none.
func (v *view) neighbours(af, flags byte, states uint16) ([]string, error) {
	request := make([]byte, unix.SizeofNdMsg)
	request[0], request[10] = af, flags
	ms, err := v.messages(unix.RTM_GETNEIGH, request, unix.SizeofNdMsg)
	var out []string
	for _, m := range ms {
		if af == unix.AF_UNSPEC && m.header[0] == unix.AF_BRIDGE || states != 0 && m.u16(8)&states == 0 {
			continue
		}
		key := v.device(m.u32(4))
		if dst := find(m.attrs, unix.NDA_DST); dst != nil {
			key += " " + address(v, dst)
		}
		out = append(out, v.line(key, m.attrs, neighbourWords,
			fmt.Sprintf("state=%#x flags=%#x type=%d", m.u16(8), m.header[10], m.header[11])))
	}
	return out, err
}
