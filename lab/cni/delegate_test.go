package cni_test

import (
	"os"
	"path/filepath"
	"strings"
)

// delegate puts an IPAM plugin beside nslab-bridge: a shell script, which first
// writes down how it was called.
func (r *rig) delegate(name, script string) {
	r.Helper()
	log := filepath.Join(r.dir, name+".log")
	text := "#!/bin/sh\nin=$(cat)\n" +
		`printf '%s %s %s %s %s\n' "$CNI_COMMAND" "$CNI_CONTAINERID" "$CNI_NETNS" "$CNI_IFNAME" "$in" >>` + log + "\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o700); err != nil { //nolint:gosec // a program
		r.Fatal(err)
	}
}

// calls are how a delegate was called since the last time.
func (r *rig) calls(name string) []string {
	r.Helper()
	log := filepath.Join(r.dir, name+".log")
	b, err := os.ReadFile(log)
	if err != nil {
		return nil
	}
	if err := os.Remove(log); err != nil {
		r.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}
