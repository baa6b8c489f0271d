package op_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

func setting(ns, key, value string) op.Sysctl {
	return op.Sysctl{NS: ns, Key: "net.ipv4." + key, Value: value}
}

// birth is what a new namespace says of a setting. Some are copies of the machine's.
func birth(t *testing.T, key string) string {
	t.Helper()
	k, ref := &op.Kernel{Lab: "settings"}, op.Namespace{Name: "reference"}
	defer undoAll(t, k, []op.Op{ref})
	if err := ref.Do(k); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(must(t, ref.Name, "sysctl -n net.ipv4."+key))
}

// routers are namespaces with cables and settings, in the order of a plan.
func routers(t *testing.T, forward string, names ...string) (facts []op.Op) {
	t.Helper()
	for _, n := range names {
		facts = append(facts, op.Namespace{Name: n})
	}
	for i, n := range names[1:] {
		facts = append(facts, cable(t, place(names[i], "right"), place(n, "left")), op.Up{NS: n, Dev: "left", Quiet: true})
	}
	for _, n := range names {
		facts = append(facts, setting(n, "ip_forward", forward), setting(n, "ip_default_ttl", "99"))
	}
	return facts
}

// Settings of new namespaces are made together: what was before is read in the
// first of them, and written down before anything is set.
func TestSettingsTogether(t *testing.T) {
	kerneltest.Need(t)
	var entered []string
	k := &op.Kernel{Lab: "settings", Fault: func(point string) error {
		if ns, ok := strings.CutPrefix(point, "before enter "); ok {
			entered = append(entered, ns)
		}
		return nil
	}}
	born := birth(t, "ip_forward")
	forward := map[string]string{"0": "1", "1": "0"}[born]
	facts := routers(t, forward, "one", "two", "three")
	defer undoAll(t, k, facts)
	was := map[op.Op]string{}
	remember := func(os []op.Op, words []string) error {
		for i, o := range os {
			was[o] = words[i]
			wantFalse(t, &op.Kernel{Lab: k.Lab}, o, " is ")
		}
		entered = nil
		return nil
	}
	if err := k.Session(func(k *op.Kernel) error {
		_, _, err := op.Together(context.Background(), k, facts, op.Hands{Alone: func(o op.Op) error { return o.Do(k) }, Remember: remember})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"one", "two", "three"}; !slices.Equal(entered[:3], want) {
		t.Errorf("what was entered behind the look at the settings: %q, want each of %q once", entered, want)
	}
	forwarding := born
	for _, key := range []string{"all/accept_redirects", "default/forwarding", "lo/forwarding"} {
		forwarding += "\n/proc/sys/net/ipv4/conf/" + key + "=" + birth(t, "conf."+strings.ReplaceAll(key, "/", "."))
	}
	for _, n := range []string{"one", "two", "three"} {
		if diff := cmp.Diff(forwarding, was[setting(n, "ip_forward", forward)]); diff != "" {
			t.Errorf("what was before in %s (-want +got):\n%s", n, diff)
		}
		if got := was[setting(n, "ip_default_ttl", "99")]; got != birth(t, "ip_default_ttl") {
			t.Errorf("ip_default_ttl of %s was %q", n, got)
		}
	}
	for _, o := range facts {
		wantTrue(t, k, o)
	}
	if got := must(t, "two", "sysctl -n net.ipv4.conf.left.forwarding"); got != forward+"\n" {
		t.Errorf("an interface that came behind the setting forwards: %q, want %s", got, forward)
	}
}

// A namespace in which anything may have happened since it was made is read.
func TestSettingsOfTouchedNamespaces(t *testing.T) {
	kerneltest.Need(t)
	s := setting("touched", "ip_forward", "1")
	for name, c := range map[string]struct {
		touch func(*op.Kernel) error
		want  string
	}{
		"a value":      {setting("touched", "ip_forward", "1").Do, "1\n"},
		"another one":  {setting("touched", "conf.all.accept_redirects", "0").Do, "accept_redirects=0"},
		"an interface": {cable(t, place("fresh", "near"), place("touched", "far")).Do, "conf/far/forwarding="},
		"by anybody": {func(k *op.Kernel) error {
			return k.Inside("touched", func() error {
				return os.WriteFile("/proc/sys/net/ipv4/conf/lo/forwarding", []byte("1"), 0)
			})
		}, "conf/lo/forwarding=1"},
	} {
		t.Run(name, func(t *testing.T) {
			facts := []op.Op{op.Namespace{Name: "fresh"}, op.Namespace{Name: "touched"}}
			k := &op.Kernel{Lab: "settings"}
			defer undoAll(t, k, facts)
			if err := k.Session(func(k *op.Kernel) error {
				for _, o := range facts {
					if err := o.Do(k); err != nil {
						return err
					}
				}
				if _, err := setting("fresh", "ip_forward", "1").Before(k); err != nil {
					return err
				}
				if err := c.touch(k); err != nil {
					return err
				}
				was, err := s.Before(k)
				if !strings.Contains(was+"\n", c.want) {
					t.Errorf("what was before is\n%s\nwant %q in it", was, c.want)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What cannot be set says why, and does not keep the others from it.
func TestSettingIsRefused(t *testing.T) {
	kerneltest.Need(t)
	k, _ := remembering("settings")
	facts := []op.Op{
		op.Namespace{Name: "one"},
		setting("one", "ip_forward", "1"),
		setting("one", "ip_default_ttl", "many"), setting("one", "ip_no_pmtu_disc", "1"),
	}
	defer undoAll(t, k, facts)
	_, failed, err := together(k, facts)
	if failed != 2 || err == nil || !strings.Contains(err.Error(), "ip_default_ttl") {
		t.Errorf("fact %d: %v, want fact 2 with its file", failed, err)
	}
	wantTrue(t, k, facts[1])
	wantTrue(t, k, facts[3])
}
