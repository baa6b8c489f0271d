package topology

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// complaints collects the mistakes of a file.
type complaints struct {
	list  []*Error // the first maxMistakes of them
	count int
	said  map[said]bool
}

// maxMistakes is as many as anybody will read.
const maxMistakes = 200

type said struct {
	pos    Pos
	format string
}

func (c *complaints) add(pos Pos, path, format string, args ...any) {
	c.keep(&Error{Pos: pos, Path: path, Msg: fmt.Sprintf(format, args...)})
}

func (c *complaints) keep(e *Error) {
	if c.count++; !c.full() {
		c.list = append(c.list, e)
	}
}

// full says whether further mistakes are counted only.
func (c *complaints) full() bool { return c.count > maxMistakes }

// once is add for a mistake that is met again after every step: the first
// message of a kind stands for all.
func (c *complaints) once(pos Pos, format string, args ...any) {
	c.onceAt(pos, "", format, args...)
}

func (c *complaints) onceAt(pos Pos, path, format string, args ...any) {
	key := said{pos, format}
	if c.said[key] {
		return
	}
	c.said[key] = true
	c.add(pos, path, format, args...)
}

// Sorted joins mistakes in the order of their places: file by file in the
// order in which the files are first mentioned, then by line and column.
// Joined errors are taken apart, repetitions dropped, and what has no place
// comes last. It returns nil when there is none.
func Sorted(errs []error) error {
	placed, rest := flatten(errs)
	rank := map[string]int{}
	for _, e := range placed {
		if _, ok := rank[e.Pos.File]; !ok {
			rank[e.Pos.File] = len(rank)
		}
	}
	return errors.Join(append(sorted(placed, rank), rest...)...)
}

func sorted(list []*Error, rank map[string]int) []error {
	slices.SortStableFunc(list, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(rank[a.Pos.File], rank[b.Pos.File]),
			cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	seen := map[Error]bool{}
	var out []error
	for _, e := range list {
		if !seen[*e] {
			seen[*e] = true
			out = append(out, e)
		}
	}
	return out
}

func flatten(errs []error) (placed []*Error, rest []error) {
	for _, err := range errs {
		var many interface{ Unwrap() []error }
		var one *Error
		switch {
		case err == nil:
		case errors.As(err, &many):
			p, r := flatten(many.Unwrap())
			placed, rest = append(placed, p...), append(rest, r...)
		case errors.As(err, &one):
			placed = append(placed, one)
		default:
			rest = append(rest, err)
		}
	}
	return placed, rest
}

// joined returns the mistakes as one error, nil when there is none.
func joined(list []*Error, rank map[string]int) error {
	return errors.Join(sorted(list, rank)...)
}
