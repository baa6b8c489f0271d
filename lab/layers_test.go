package lab_test

import (
	"fmt"
	"testing"

	"nslab/lab"
	"nslab/lab/bench/shape"
	"nslab/topology"
)

// BenchmarkCompile turns a star of some size into facts.
func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			src := topology.Source{Name: "star.yaml", Text: []byte(shape.Star(n).YAML("sandbox"))}
			top, err := topology.Parse(src, nil)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := lab.Compile(top, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
