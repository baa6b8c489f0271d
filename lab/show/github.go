package show

import (
	"fmt"
	"io"
	"strings"

	"nslab/topology"
)

// maxAnnotations is how many errors GitHub shows of one step of a workflow.
const maxAnnotations = 10

// GitHub writes the failures of a test run as workflow commands, which GitHub
// shows beside the lines of the files. Nothing else is written: the runner
// obeys commands wherever a line begins with one.
func GitHub(w io.Writer, files []File) error {
	var p page
	notes := 0
	t := total(files)
	room := maxAnnotations
	if count(files) > maxAnnotations {
		room-- // for the one that counts the rest
	}
	for _, f := range files {
		p.line("::group::nslab test ", data(f.Path))
		for _, a := range f.annotations() {
			if notes++; notes <= room {
				p.line(a)
			}
		}
		p.line("::endgroup::")
	}
	if notes > room {
		p.line(fmt.Sprintf("::error title=nslab::and %d more; the log has them all", notes-room))
	}
	p.line("::notice title=nslab::", data(summary(t, Style{})))
	return p.raw(w)
}

func count(files []File) int {
	n := 0
	for _, f := range files {
		n += len(f.annotations())
	}
	return n
}

func (f File) annotations() []string {
	var out []string
	for _, i := range f.items(english) {
		switch {
		case i.good():
		case i.err != nil:
			for _, c := range complaints(i.err) {
				out = append(out, annotation(f, c.at, i.lab+": "+i.name, c.text))
			}
		default:
			text := i.message
			if i.hint != "" {
				text += "\nhint: " + i.hint
			}
			out = append(out, annotation(f, i.at, i.name, text))
		}
	}
	return out
}

func annotation(f File, at topology.Pos, title, text string) string {
	file := at.File
	if file == "" {
		file = f.Path
	}
	words := []string{"file=" + property(file)}
	if at.Line > 0 {
		words = append(words, fmt.Sprintf("line=%d,col=%d", at.Line, at.Col))
	}
	words = append(words, "title="+property(title))
	return "::error " + strings.Join(words, ",") + "::" + data(text)
}

// data escapes as the runner's toolkit does; whatever else cannot be printed
// is escaped as everywhere.
func data(s string) string {
	var out []string
	for l := range strings.SplitSeq(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
		out = append(out, strings.ReplaceAll(plain(l), "%", "%25"))
	}
	return strings.Join(out, "%0A")
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s))
}
