package show_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab"
	"nslab/lab/op"
	"nslab/lab/show"
	"nslab/topology"
)

func TestScript(t *testing.T) {
	t.Parallel()
	p := plan(t)
	build := render(t, func(w io.Writer) error { return show.Script(w, p, 2) })
	down := render(t, func(w io.Writer) error { return show.Teardown(w, p, 2) })
	golden(t, "script.sh", build)
	golden(t, "teardown.sh", down)
	for name, s := range map[string]string{"script": build, "teardown": down} {
		harmless(t, name, s)
		for _, shell := range []string{"sh", "dash", "bash"} {
			t.Run(name+" "+shell, func(t *testing.T) {
				t.Parallel()
				syntax(t, shell, s)
			})
		}
	}
}

func syntax(t *testing.T, shell, script string) {
	t.Helper()
	path, err := exec.LookPath(shell)
	if err != nil {
		t.Skip("the shell is not installed: ", err)
	}
	cmd := exec.CommandContext(t.Context(), path, "-n")
	cmd.Stdin, cmd.Env = strings.NewReader(script), []string{"LC_ALL=C"}
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%s -n: %v\n%s", shell, err, out)
	}
}

// fact is a fact with the commands that a test wants. It has no kernel.
type fact struct{ does, undoes string } // words parted by a bar

func words(s string) op.Command {
	if s == "" {
		return nil
	}
	return strings.Split(s, "|")
}

func (f fact) Do(*op.Kernel) error             { return nil }
func (f fact) Undo(*op.Kernel) error           { return nil }
func (f fact) Diff(*op.Kernel) (string, error) { return "", nil }
func (f fact) Command() op.Command             { return words(f.does) }
func (f fact) Inverse() op.Command             { return words(f.undoes) }
func (f fact) String() string                  { return "fact " + f.does }
func (f fact) On() []op.Object                 { return nil }

// handmade is a plan of one stage.
func handmade(facts ...op.Op) *lab.Plan {
	s := lab.Stage{Step: topology.Step{Name: topology.Word{Text: "one"}}}
	for i, o := range facts {
		s.Facts = append(s.Facts, lab.Step{Op: o, Pos: topology.Pos{File: "lab.yaml", Line: i + 1, Col: 3}})
	}
	return &lab.Plan{Topology: &topology.Topology{Name: topology.Word{Text: "hand"}}, Stages: []lab.Stage{s}}
}

// TestScriptRuns runs a script whose `ip` writes its arguments down: they must
// be the words of the commands, whatever is in them, and no other thing is done.
func TestScriptRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stub := "#!/bin/sh\nprintf '<%s>' \"$@\" >> " + dir + "/log\necho >> " + dir + "/log\n"
	if err := os.WriteFile(filepath.Join(dir, "ip"), []byte(stub), 0o755); err != nil {
		t.Fatal(err)
	}
	evil := []string{"$(touch " + dir + "/x)", "`touch " + dir + "/x`", "'; touch " + dir + "/x; '", `"\`, "a b", "*", "~", "!", "", "é\tü", "#"}
	hosts := filepath.Join(dir, "etc $(touch x)", "hosts")
	body := "-n 100% \\n 'quoted' $(touch " + dir + "/x)\n\ttab \x1b[31m 한\n"
	p := handmade(
		fact{does: "ip|" + strings.Join(evil, "|")},
		fact{does: ">|" + hosts + "|" + body},
		fact{does: "#|a remark\ntouch " + dir + "/x\r\x1b[2J"},
		fact{},
	)
	p.Topology.Title = topology.Text{"en": "title\ntouch " + dir + "/x"}
	script := render(t, func(w io.Writer) error { return show.Script(w, p, 0) })
	cmd := exec.CommandContext(t.Context(), "sh")
	cmd.Stdin, cmd.Dir = strings.NewReader(script), dir
	cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin"}
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
	equalFile(t, filepath.Join(dir, "log"), "<"+strings.Join(evil, "><")+">\n")
	equalFile(t, hosts, body)
	if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
		t.Errorf("the script ran what was quoted:\n%s", script)
	}
}

func equalFile(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", filepath.Base(path), diff)
	}
}

func TestScriptRefuses(t *testing.T) {
	t.Parallel()
	allowed := `a script may run bridge, ethtool, ip, ip6tables, iptables, mkdir, mount, nft, ovs-appctl, ovs-vsctl, ovs-vswitchd, ovsdb-server, ovsdb-tool, printf, sysctl, touch, unlink, not `
	for _, tt := range []struct{ name, command, want string }{
		{"another program", "rm|-rf|/", allowed + `"rm"`},
		{"another program in a namespace", "ip|netns|exec|red|sh|-c|id", allowed + `"sh"`},
		{"a file of the machine", "rm|-f|/etc/passwd", allowed + `"rm"`},
		{"a file of the machine, by a detour", "rm|-f|/etc/netns/../passwd", allowed + `"rm"`},
		{"nested", "ip|netns|exec|red|ip|netns|exec|blue|curl", allowed + `"curl"`},
		{"an assignment", "PATH=/tmp|ip", allowed + `"PATH=/tmp"`},
		{"a control character", "ip|link|add|a\x1b[2J", `control characters cannot stand in a script: "a\x1b[2J"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := handmade(fact{does: tt.command, undoes: tt.command})
			want := "lab.yaml:1:3: fact " + strings.ReplaceAll(tt.command, "\x1b", `\x1b`) + ": " + tt.want
			for name, err := range map[string]error{
				"script": show.Script(io.Discard, p, 0), "teardown": show.Teardown(io.Discard, p, 0),
			} {
				if err == nil || err.Error() != want {
					t.Errorf("%s: got  %v\nwant %s", name, err, want)
				}
			}
		})
	}
}

func TestTeardownGoesOn(t *testing.T) {
	t.Parallel()
	p := handmade(fact{does: "ip|two", undoes: "printf|went on"}, fact{does: "ip|one", undoes: "ip|no-such-object"})
	script := render(t, func(w io.Writer) error { return show.Teardown(w, p, 0) })
	cmd := exec.CommandContext(t.Context(), "sh")
	cmd.Stdin, cmd.Env = strings.NewReader(script), []string{"PATH=/nowhere"}
	out, err := cmd.Output()
	if err == nil || string(out) != "went on" {
		t.Errorf("got %q, %v", out, err)
	}
}
