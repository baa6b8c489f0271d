package lab_test

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"testing"

	"nslab/lab/kerneltest"
)

// TestScarce has a machine run out of something in the middle of apply and of
// destroy: no room and no inodes where nslab and ip-netns(8) keep their files,
// nothing writable there, no descriptors, no memory. What could not be done is
// told in the words of the kernel, with the path; and when there is enough
// again, destroy leaves the machine as it was.
func TestScarce(t *testing.T) {
	t.Parallel()
	kerneltest.Need(t)
	needs(t, "ip", "nft", "sysctl")
	var mu sync.Mutex
	all := tally{Faults: map[string]int{}}
	t.Run("of", func(t *testing.T) {
		for _, name := range slices.Sorted(maps.Keys(shortages)) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for _, way := range []string{"apply", "destroy"} {
					job, err := json.Marshal(faultJob{Scenario: "testdata/scarce.yaml", Way: way, Kinds: *faults})
					if err != nil {
						t.Fatal(err)
					}
					var got tally
					if err := json.Unmarshal([]byte(elsewhere(t, "rig", "scarce", string(job), name)), &got); err != nil {
						t.Fatal(err)
					}
					for _, left := range got.Left {
						t.Errorf("%s: %s", way, left)
					}
					if got.faults() == 0 && way == "apply" { // destroy needs little
						t.Errorf("%s: nothing was ever refused", way)
					}
					t.Log(way, got.String())
					mu.Lock()
					all.add(got)
					mu.Unlock()
				}
			})
		}
	})
	t.Log(all.String())
}
