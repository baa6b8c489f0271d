package lab

import (
	"errors"
	"fmt"
	"slices"

	"nslab/lab/op"
)

// ErrNeeds is a machine that lacks a program which a lab is made with.
var ErrNeeds = errors.New("this machine lacks something")

// Needs says what the machine lacks for a plan and how to get it, nil when nothing.
// It wraps ErrNeeds. Most labs need nothing but the kernel.
func Needs(p *Plan) error {
	var missing []error
	for _, s := range everyFact(p) {
		n, ok := s.Op.(op.Needer)
		if !ok {
			continue
		}
		err := n.Needs()
		same := func(have error) bool { return have.Error() == err.Error() }
		if err != nil && !slices.ContainsFunc(missing, same) {
			missing = append(missing, err)
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("%w for the lab %s: %w", ErrNeeds, p.Name(), errors.Join(missing...))
}
