package op

import (
	"maps"
	"slices"
	"strings"

	"nslab/topology"
)

// SysctlTrace is a setting of the host that labs have changed, all of which are
// lost.
type SysctlTrace struct {
	Key  string
	Labs []string // that have wanted it
	Was  string   // before the first of them
	dir  string
}

// SysctlTraces reads the register of the labs under dir.
func SysctlTraces(dir string, known func(lab string) bool) (out []SysctlTrace, err error) {
	err = withSysctlUsers(dir, "", func(u *sysctlUsers) error {
		for _, key := range slices.Sorted(maps.Keys(u.keys)) {
			t := SysctlTrace{Key: key, Was: u.keys[key].Before[Sysctl{Key: key}.path()], dir: dir}
			alive := false
			for _, user := range u.keys[key].Users {
				t.Labs = append(t.Labs, user.Lab)
				alive = alive || known(user.Lab)
			}
			if !alive {
				out = append(out, t)
			}
		}
		return nil
	})
	return out, err
}

// Remove puts the setting back, unless somebody wants it after all.
func (t SysctlTrace) Remove(known func(lab string) bool) error {
	return withSysctlUsers(t.dir, "", func(u *sysctlUsers) error {
		use := u.keys[t.Key]
		if use == nil || slices.ContainsFunc(use.Users, func(x sysctlUser) bool { return known(x.Lab) }) {
			return nil
		}
		s := Sysctl{NS: topology.Host, Key: t.Key}
		if err := u.finish(s); err != nil || u.keys[t.Key] == nil {
			return err
		}
		if n := len(use.Users); n > 0 {
			s.Value = use.Users[n-1].Value
		}
		return u.restore(s, use)
	})
}

// String is the setting in words.
func (t SysctlTrace) String() string {
	return t.Key + ", which was " + t.Was + " before " + strings.Join(t.Labs, " and ")
}
