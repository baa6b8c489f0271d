package op_test

import (
	"testing"

	"nslab/lab/kerneltest"
	"nslab/lab/op"
)

// BenchmarkFact makes and unmakes a fact of each kind.
func BenchmarkFact(b *testing.B) {
	kerneltest.Need(b)
	writableEtc(b)
	for _, e := range examples(b) {
		b.Run(e.name, func(b *testing.B) {
			k, was := remembering("bench")
			k.Dir = b.TempDir()
			for _, o := range e.needs {
				stand(b, k, o)
			}
			for b.Loop() {
				if r, ok := e.fact.(op.Rememberer); ok {
					word, err := r.Before(k)
					if err != nil {
						b.Fatal(err)
					}
					was[e.fact] = word
				}
				if err := e.fact.Do(k); err != nil {
					b.Fatal(err)
				}
				undo(b, k, e.fact)
			}
		})
	}
}
