package sandbox

// Dead says whether the sandbox called name has left its directory behind. It
// removes nothing: [Find] does.
func Dead(name string) bool {
	p, err := at(name)
	if err != nil {
		return false
	}
	lock, err := p.tryLock(false)
	if err != nil || lock == nil {
		return false
	}
	lock.Close()
	return true
}
