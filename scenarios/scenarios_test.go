package scenarios_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/scenarios"
	"nslab/topology"
)

// languages are those every text of a lesson is written in.
var languages = []string{"en", "ko"}

// open finds `outside` and `include` files among the embedded ones.
func open(name, _ string) (topology.Source, error) {
	text, err := scenarios.Read(name)
	return topology.Source{Name: name, Text: text}, err
}

// sources returns every lesson, the embedded ones and those broken on purpose.
func sources(t *testing.T) []topology.Source {
	t.Helper()
	var out []topology.Source
	for _, name := range scenarios.Names() {
		text, err := scenarios.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, topology.Source{Name: name + ".yaml", Text: text})
	}
	broken, err := filepath.Glob("broken/*.yaml")
	if err != nil || len(broken) == 0 {
		t.Fatalf("no broken examples: %v", err)
	}
	for _, file := range broken {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, topology.Source{Name: file, Text: text})
	}
	return out
}

// lesson is a file and what it says.
type lesson struct {
	file string
	lab  *topology.Topology
}

// lessons parses every file. Mistakes in them have a test of their own.
func lessons(t *testing.T) []lesson {
	t.Helper()
	var out []lesson
	for _, src := range sources(t) {
		lab, err := topology.Parse(src, open)
		if lab == nil {
			t.Fatal(err)
		}
		out = append(out, lesson{src.Name, lab})
	}
	return out
}

func TestNames(t *testing.T) {
	t.Parallel()
	want := []string{
		"bridge", "cni-bridge", "cni-chain", "cni-ipam", "container-pid", "docker-bridge", "docker-container", "docker-host", "docker-link",
		"docker-macvlan", "docker-none", "docker-overlay", "docker-proxy", "docker-publish", "docker-user-network", "dual-stack", "gateway",
		"lan", "namespaces", "napt", "nat", "open-vswitch", "port-forward", "red-blue", "veth",
	}
	if diff := cmp.Diff(want, scenarios.Names()); diff != "" {
		t.Errorf("Names (-want +got):\n%s", diff)
	}
}

func TestReadWithAndWithoutExtension(t *testing.T) {
	t.Parallel()
	a, errA := scenarios.Read("red-blue")
	b, errB := scenarios.Read("red-blue.yaml")
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(a), string(b)); diff != "" {
		t.Errorf("red-blue and red-blue.yaml (-without +with):\n%s", diff)
	}
}

func TestReadOfAnUnknownName(t *testing.T) {
	t.Parallel()
	all := strings.Join(scenarios.Names(), ", ")
	tests := []struct{ name, want string }{
		{"redblue", `no scenario is called "redblue", did you mean "red-blue"? (file does not exist)`},
		{"red-bleu.yaml", `no scenario is called "red-bleu.yaml", did you mean "red-blue"? (file does not exist)`},
		{"labs/Nat", `no scenario is called "labs/Nat", did you mean "nat"? (file does not exist)`},
		{"../lan", `no scenario is called "../lan", did you mean "lan"? (file does not exist)`},
		{"", `no scenario is called "": there are ` + all + ` (file does not exist)`},
		{"kubernetes", `no scenario is called "kubernetes": there are ` + all + ` (file does not exist)`},
	}
	for _, tt := range tests {
		_, err := scenarios.Read(tt.name)
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Read(%q) does not wrap fs.ErrNotExist: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
			t.Errorf("Read(%q) (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestEveryFileParsesSilently(t *testing.T) {
	t.Parallel()
	for _, src := range sources(t) {
		if _, err := topology.Parse(src, open); err != nil {
			t.Errorf("%s:\n%v", src.Name, err)
		}
	}
}

func TestFirstLineNamesTheSchema(t *testing.T) {
	t.Parallel()
	for _, src := range sources(t) {
		up := strings.Repeat("../", 1+strings.Count(src.Name, "/"))
		want := "# yaml-language-server: $schema=" + up + "docs/nslab.schema.json"
		got, _, _ := strings.Cut(string(src.Text), "\n")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: first line (-want +got):\n%s", src.Name, diff)
		}
	}
}

func TestLabIsCalledLikeItsFile(t *testing.T) {
	t.Parallel()
	for _, l := range lessons(t) {
		want := strings.TrimSuffix(filepath.Base(l.file), ".yaml")
		if got := l.lab.Name.Text; got != want {
			t.Errorf("%s: name is %q, want %q", l.file, got, want)
		}
	}
}

func TestTextsAreInEveryLanguage(t *testing.T) {
	t.Parallel()
	for _, l := range lessons(t) {
		complete(t, l.file+": title", l.lab.Title)
		complete(t, l.file+": explain", l.lab.Explain)
		for _, step := range l.lab.Steps {
			complete(t, l.file+": "+step.Name.Text+": title", step.Title)
			complete(t, l.file+": "+step.Name.Text+": explain", step.Explain)
			for _, c := range step.Verify {
				complete(t, c.Pos.String()+": title", c.Title)
				if len(c.Hint) > 0 {
					complete(t, c.Pos.String()+": hint", c.Hint)
				}
			}
		}
	}
}

func complete(t *testing.T, what string, text topology.Text) {
	t.Helper()
	for _, lang := range languages {
		if strings.TrimSpace(text[lang]) == "" {
			t.Errorf("%s is missing in %s", what, lang)
		}
	}
}

// commands are the spans in backticks: what a person types or sees.
var commands = regexp.MustCompile("`[^`]*`")

func TestTranslationsKeepTheCommands(t *testing.T) {
	t.Parallel()
	for _, l := range lessons(t) {
		for _, step := range l.lab.Steps {
			want := commandsOf(step.Explain["en"])
			for _, lang := range languages {
				if diff := cmp.Diff(want, commandsOf(step.Explain[lang])); diff != "" {
					t.Errorf("%s: %s: commands of the explain (-en +%s):\n%s", l.file, step.Name, lang, diff)
				}
			}
		}
	}
}

// commandsOf returns the commands of a text as a set: another language may
// need another order.
func commandsOf(text string) []string {
	found := commands.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func TestEveryStepIsVerified(t *testing.T) {
	t.Parallel()
	for _, l := range lessons(t) {
		for _, step := range l.lab.Steps {
			if !step.Outside && len(step.Verify) == 0 {
				t.Errorf("%s: step %s proves nothing: it has no verify", l.file, step.Name)
			}
		}
	}
}

func TestStoryMentionsTheNodesItAdds(t *testing.T) {
	t.Parallel()
	for _, l := range lessons(t) {
		known := []string{}
		for _, step := range l.lab.Steps {
			for _, node := range nodes(step.State) {
				if slices.Contains(known, node) {
					continue
				}
				known = append(known, node)
				for _, lang := range languages {
					if !mentions(step.Explain[lang], node) {
						t.Errorf("%s: step %s adds %s, but its explain in %s does not mention it", l.file, step.Name, node, lang)
					}
				}
			}
		}
	}
}

// mentions looks for a name as a word of its own; a Korean particle may follow.
func mentions(text, name string) bool {
	const other = "[^A-Za-z0-9_-]"
	found, err := regexp.MatchString("(^|"+other+")"+regexp.QuoteMeta(name)+"($|"+other+")", text)
	return err == nil && found
}

// nodes returns what a step can add; the host is always there.
func nodes(s topology.State) []string {
	var out []string
	for _, n := range s.Namespaces {
		if n.Name.Text != topology.Host {
			out = append(out, n.Name.Text)
		}
	}
	for _, b := range s.Bridges {
		out = append(out, b.Name.Text)
	}
	return out
}

func TestLectureHasItsSteps(t *testing.T) {
	t.Parallel()
	text, err := scenarios.Read("red-blue")
	if err != nil {
		t.Fatal(err)
	}
	lab, err := topology.Parse(topology.Source{Name: "red-blue.yaml", Text: text}, open)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range lab.Steps {
		got = append(got, s.Name.Text)
	}
	want := []string{
		"outside", "rooms", "cable", "switch", "host-address", "gateway",
		"masquerade", "forwarding", "default-route", "port-forward", "neighbour-route",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}
