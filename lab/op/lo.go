package op

import "nslab/topology"

// Lo is the fact that the loopback interface of the lab's host is switched on.
// Unlike that of a room it is there before the lab, and on most machines it is
// on: as it was before, so it is after.
type Lo struct{}

func (Lo) up() Up { return Up{NS: topology.Host, Dev: "lo"} }

// Before says how lo is, as the kernel says it.
func (l Lo) Before(k *Kernel) (string, error) {
	diff, err := l.up().Diff(k)
	if diff != "" {
		return "down", err
	}
	return "up", err
}

// Do switches it on.
func (l Lo) Do(k *Kernel) error { return l.up().Do(k) }

// Undo switches it off, if it was off before.
func (l Lo) Undo(k *Kernel) error {
	if k.was(l) != "down" {
		return nil
	}
	return l.up().Undo(k)
}

// Diff says whether it is off.
func (l Lo) Diff(k *Kernel) (string, error) { return l.up().Diff(k) }

// Command is ip link set lo up.
func (l Lo) Command() Command { return l.up().Command() }

// Inverse is nothing to type: whoever needs the machine needs its lo.
func (Lo) Inverse() Command { return nil }

func (l Lo) String() string { return l.up().String() }

// On is nothing that a lab makes.
func (Lo) On() []Object { return nil }
