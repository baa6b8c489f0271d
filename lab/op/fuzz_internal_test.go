package op

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"github.com/google/nftables/xt"
)

// FuzzDecode reads facts that another nslab has written, or that a disk has
// damaged: one that is read can be told, and written again.
func FuzzDecode(f *testing.F) {
	for _, o := range facts {
		b, err := Encode(o)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"fact":"Veth","is":null}`))
	f.Add([]byte(`{"fact":"Addr","is":{"NS":"red","Dev":"eth0","Prefix":"10.0.0.1/24"}}`))
	f.Add([]byte(`{"fact":"Route","is":{"NS":"red","To":"::/0","Via":"fe80::1%x","Metric":-1}}`))
	f.Add([]byte(`{"fact":"Service","is":{"Kind":"nothing","Argv":"[","Port":99999,"Addr":"::"}}`))
	f.Add([]byte(`{"fact":"Proxy","is":{"HostIP":"::","Proto":"sctp"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := Decode(b)
		if err != nil {
			return
		}
		_, _, _ = o.Command().String(), o.Inverse().String(), o.On()
		if o.String() == "" {
			t.Errorf("%#v says nothing", o)
		}
		text, err := Encode(o)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Decode(text); err != nil || again != o {
			t.Errorf("%s was read as %#v, written and read as %#v: %v", b, o, again, err)
		}
	})
}

// FuzzUserData reads what anybody may have written beside a rule: a mark is
// ours only if it stands there as nslab writes it.
func FuzzUserData(f *testing.F) {
	f.Add(userData("nslab:red-blue:masquerade", "table"), "nslab:red-blue:masquerade", "table")
	f.Add([]byte{0, 255, 'n'}, "", "\x00")
	f.Add([]byte{0x6e, 1, 0, 0, 0}, strings.Repeat("x", 200), "")
	f.Fuzz(func(t *testing.T, data []byte, mark, had string) {
		comment := xt.Comment(data)
		r := &nftables.Rule{UserData: data, Exprs: []expr.Any{&expr.Match{Name: "comment", Info: &comment}}}
		if lab, object, ours := readMark(ruleComment(r)); ours && !bytes.Contains(data, []byte("nslab:"+lab+":"+object)) {
			t.Errorf("%q is a mark of %s for %s", data, lab, object)
		}
		if got := hadWord(data); !bytes.Contains(data, []byte(got)) {
			t.Errorf("%q is said to have %q", data, got)
		}
		if len(mark) > 200 || len(had) > 200 || strings.HasSuffix(mark, "\x00") || strings.HasSuffix(had, "\x00") {
			return // a length is one byte, and zeros at the end are those of C
		}
		if w := userData(mark, had); udataEntry(w, userdata.TypeComment) != mark || hadWord(w) != had {
			t.Errorf("%q and %q are written as %q", mark, had, w)
		}
	})
}

// FuzzRegister reads the register of the host's settings, as a killed nslab, a
// newer one, or a disk may have left it: it is read, or refused with its name,
// and what is read is written so that it is read again.
func FuzzRegister(f *testing.F) {
	f.Add([]byte(`{"net.ipv4.ip_forward":{"boot":"x","before":{"/proc/sys/net/ipv4/ip_forward":"0"},"users":[{"lab":"red-blue","value":"1"}]}}`))
	boot, err := bootID()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"a":null,"b":{"boot":"` + boot + `","restore":{}}}`))
	f.Add([]byte("null"))
	f.Add([]byte("{} x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		read := func(dir string) (*sysctlUsers, error) {
			u := &sysctlUsers{dir: dir, boot: boot, kernel: &Kernel{}, keys: map[string]*sysctlUse{}}
			return u, u.load()
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, ".sysctl.json"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		u, err := read(dir)
		if err != nil {
			if !strings.Contains(err.Error(), u.path()) {
				t.Errorf("which file? %v", err)
			}
			return
		}
		if err := u.save(); err != nil {
			t.Fatal(err)
		}
		before, _ := json.Marshal(u.keys)
		again, err := read(dir)
		if after, _ := json.Marshal(again.keys); err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s was written, %s is read: %v", before, after, err)
		}
	})
}

// FuzzProc reads tables of proc_pid_net(5) and values of settings.
func FuzzProc(f *testing.F) {
	f.Add("  sl  local_address\n 0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1\n", 10)
	f.Add("1\n/proc/sys/a=0\n=\n", -1)
	f.Add("a b c :0050 0A", 1<<20)
	f.Fuzz(func(t *testing.T, text string, state int) {
		for _, w := range parseWaiting(text, state) {
			if !strings.Contains(text, strconv.FormatUint(w.inode, 10)) || !w.At.IsValid() {
				t.Errorf("%+v is in no line", w)
			}
		}
		const path = "/proc/sys/net/ipv4/ip_forward"
		s := parseSettings(path, text)
		again := parseSettings(path, s.text(path))
		for file, value := range s {
			if again[file] != value {
				t.Errorf("%s is %q, then %q", file, value, again[file])
			}
		}
	})
}
