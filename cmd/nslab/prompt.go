package main

import (
	"fmt"
	"strings"
)

// enter waits for the learner; q leaves, and so does Ctrl-C.
func (w *walker) enter(prompt map[string]string) error {
	if w.c.Bool("yes") {
		fmt.Fprintln(w.s.out)
		return nil
	}
	fmt.Fprintf(w.s.err, "\n%s ", w.say(prompt))
	typed := make(chan error, 1)
	go func() { // a read of a terminal cannot be called off; this one ends with the process
		line, err := w.in.ReadString('\n')
		if err != nil || strings.TrimSpace(line) == "q" {
			err = errLeft
		}
		typed <- err
	}()
	select {
	case err := <-typed:
		return err
	case <-w.c.Context.Done():
		fmt.Fprintln(w.s.err) // behind the ^C
		return w.c.Context.Err()
	}
}

// say is a text of nslab's own in the learner's language.
func (w *walker) say(text map[string]string) string {
	if t, ok := text[w.lang]; ok {
		return t
	}
	return text[english]
}

var doIt = map[string]string{
	english: "[Enter: do it]  [q: leave]",
	"ko":    "[Enter: 실행]  [q: 나가기]",
}

var beginAgain = map[string]string{
	english: "[Enter: take it down and begin]  [q: leave it]",
	"ko":    "[Enter: 지우고 시작]  [q: 그대로 두기]",
}

// standsAlready wants the lab and its step.
var standsAlready = map[string]string{
	english: "%s stands already, at step %s. The lecture begins with nothing.",
	"ko":    "%s 랩이 이미 %s 단계까지 만들어져 있습니다. 강의는 빈 상태에서 시작합니다.",
}
