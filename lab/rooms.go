package lab

import "nslab/lab/op"

// Occupants lists the processes in the lab's namespaces that are not its own.
func (l *Lab) Occupants() ([]op.Occupant, error) {
	return op.Occupants(l.Kernel, l.rooms())
}

// Rooms are the lab's namespaces, to be asked after Destroy who holds them open.
func (l *Lab) Rooms() op.Rooms { return op.NewRooms(l.rooms()) }

func (l *Lab) rooms() (names []string) {
	for _, s := range l.Journal.Have {
		if n, ok := s.Op.(op.Namespace); ok {
			names = append(names, n.Name)
		}
	}
	return names
}
