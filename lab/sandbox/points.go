package sandbox

// points are the moments before each step of starting a sandbox: a test may let
// the step fail there, or end the process. nil are none.
type points func(step string) error

func (p points) before(step string) error {
	if p == nil {
		return nil
	}
	return p(step)
}
