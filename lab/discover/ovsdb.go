package discover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ovsTables are what is asked of the database of an Open vSwitch, RFC 7047
// (OVSDB) and ovs-vswitchd.conf.db(5).
type ovsTables struct {
	Bridges           []ovsRow
	Ports, Interfaces map[string]ovsRow // by their number
}

// ovsRow is a row of any of the three tables.
type ovsRow struct {
	ID         ovsSet `json:"_uuid"`
	Name       string `json:"name"`
	Type       string `json:"type"`       // of an interface: "" for one of the kernel, internal, patch, vxlan ...
	Ports      ovsSet `json:"ports"`      // of a bridge
	Interfaces ovsSet `json:"interfaces"` // of a port
	Tag        ovsSet `json:"tag"`        // of a port: its VLAN
}

// ovsSet are the atoms of a value: one alone stands for a set of one.
type ovsSet []string

// UnmarshalJSON reads an atom, ["uuid", "..."], or ["set", [...]].
func (s *ovsSet) UnmarshalJSON(b []byte) error {
	var value []json.RawMessage
	if json.Unmarshal(b, &value) != nil {
		*s = ovsSet{strings.Trim(string(b), `"`)}
		return nil
	}
	if len(value) != 2 {
		return fmt.Errorf("%.40s is no value of a database", b)
	}
	if string(value[0]) != `"set"` {
		*s = ovsSet{strings.Trim(string(value[1]), `"`)}
		return nil
	}
	var atoms []ovsSet
	if err := json.Unmarshal(value[1], &atoms); err != nil {
		return err
	}
	*s = nil
	for _, a := range atoms {
		*s = append(*s, a...)
	}
	return nil
}

// ovsQuestion selects the tables; nothing is changed.
const ovsQuestion = `{"id":0,"method":"transact","params":["Open_vSwitch",` +
	`{"op":"select","table":"Bridge","where":[],"columns":["name","ports"]},` +
	`{"op":"select","table":"Port","where":[],"columns":["_uuid","name","interfaces","tag"]},` +
	`{"op":"select","table":"Interface","where":[],"columns":["_uuid","name","type"]}]}`

// Bounds of an answer, which may come from anybody who calls himself ovs-vswitchd.
const (
	ovsPatience = 2 * time.Second
	maxOVSReply = 2 << 20 // bytes: some 5000 ports
)

// askOVSDB asks the database of the switch that is a process.
func askOVSDB(ctx context.Context, proc string, pid int) (ovsTables, error) {
	dir := filepath.Join(proc, strconv.Itoa(pid))
	socket, err := inRoot(dir+"/root", ovsSocket(dir))
	if err != nil {
		return ovsTables{}, err
	}
	defer socket.Close()
	ctx, cancel := context.WithTimeout(ctx, ovsPatience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d", socket.Fd()))
	if err != nil {
		return ovsTables{}, fmt.Errorf("%s: %w", socket.Name(), err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(ovsPatience)); err != nil {
		return ovsTables{}, err
	}
	if _, err := io.WriteString(conn, ovsQuestion); err != nil {
		return ovsTables{}, err
	}
	return readOVSReply(conn)
}

// ovsSocket is where a switch asks for its database: what its command line
// says, or the directory that it was given, or where it always is.
func ovsSocket(dir string) string {
	for _, word := range nulWords(dir + "/cmdline") {
		if path, ok := strings.CutPrefix(word, "unix:"); ok {
			return path
		}
	}
	for _, word := range nulWords(dir + "/environ") {
		if run, ok := strings.CutPrefix(word, "OVS_RUNDIR="); ok {
			return run + "/db.sock"
		}
	}
	return "/run/openvswitch/db.sock"
}

// nulWords are those of a file of /proc.
func nulWords(path string) []string {
	b, _ := os.ReadFile(path) // of a process that has ended there are none
	return strings.Split(string(b), "\x00")
}

// inRoot opens a path as a process sees it: no link in it leads to elsewhere.
func inRoot(root, path string) (*os.File, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", root, err)
	}
	defer unix.Close(dir)
	fd, err := unix.Openat2(dir, path, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// readOVSReply reads the answer to [ovsQuestion].
func readOVSReply(r io.Reader) (ovsTables, error) {
	var reply struct {
		Result []struct {
			Rows  []ovsRow `json:"rows"`
			Error string   `json:"error"`
		} `json:"result"`
	}
	if err := json.NewDecoder(io.LimitReader(r, maxOVSReply)).Decode(&reply); err != nil {
		return ovsTables{}, err
	}
	if len(reply.Result) != 3 {
		return ovsTables{}, errors.New("its database does not answer the question")
	}
	for _, t := range reply.Result {
		if t.Error != "" {
			return ovsTables{}, fmt.Errorf("its database says %q", t.Error)
		}
	}
	return ovsTables{reply.Result[0].Rows, byID(reply.Result[1].Rows), byID(reply.Result[2].Rows)}, nil
}

func byID(rows []ovsRow) map[string]ovsRow {
	out := map[string]ovsRow{}
	for _, r := range rows {
		if len(r.ID) == 1 {
			out[r.ID[0]] = r
		}
	}
	return out
}
