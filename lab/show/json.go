package show

import (
	"io"

	"nslab/lab"
	"nslab/lab/probe"
)

type runDocument struct {
	OK bool `json:"ok"`
	tally
	Files []fileDocument `json:"files"`
}

type fileDocument struct {
	Path    string          `json:"path"`
	Lab     string          `json:"lab,omitempty"`
	Seconds float64         `json:"seconds"`
	Error   string          `json:"error,omitempty"`
	Skipped string          `json:"skipped,omitempty"`
	Warned  []Warning       `json:"warnings,omitempty"`
	Steps   []stepDocument  `json:"steps"`
	Checks  []checkDocument `json:"checks"`
}

type stepDocument struct {
	Name  string         `json:"name"`
	Facts map[string]int `json:"facts,omitempty"` // created, configured, unchanged, deleted
	Built float64        `json:"built-seconds"`
	Asked float64        `json:"asked-seconds"`
}

type checkDocument struct {
	Step     string       `json:"step"`
	Title    string       `json:"title"`
	Status   probe.Status `json:"status"`
	At       *place       `json:"at,omitempty"`
	Expected string       `json:"expected,omitempty"`
	Found    string       `json:"found,omitempty"`
	Message  string       `json:"message,omitempty"`
	Hint     string       `json:"hint,omitempty"`
	Command  string       `json:"command,omitempty"`
	Tries    int          `json:"tries,omitempty"`
	Seconds  float64      `json:"seconds"`
}

// JSON writes a test run as one document. It is in English but for what the
// author of the file wrote in no other language.
func JSON(w io.Writer, files []File) error {
	doc := runDocument{tally: total(files), Files: []fileDocument{}}
	doc.OK = doc.Failed+doc.Errors == 0
	for _, f := range files {
		doc.Files = append(doc.Files, f.document())
	}
	return Document(w, doc)
}

func (f File) document() fileDocument {
	d := fileDocument{
		Path: f.Path, Lab: f.Lab, Seconds: f.Took.Seconds(), Skipped: f.Skipped, Warned: Warnings(f.Warnings),
		Steps: []stepDocument{}, Checks: []checkDocument{},
	}
	if f.Err != nil {
		d.Error = f.Err.Error()
	}
	if f.Report != nil {
		d.Steps = stepDocuments(f.Report)
	}
	for _, i := range f.items(english) {
		if i.check {
			d.Checks = append(d.Checks, i.document())
		}
	}
	return d
}

func stepDocuments(r *lab.Report) []stepDocument {
	out := []stepDocument{}
	for _, s := range r.Stages {
		d := stepDocument{Facts: s.Verbs, Built: s.Built.Seconds(), Asked: s.Asked.Seconds()}
		if s.Stage != nil {
			d.Name = s.Stage.Name.Text
		}
		out = append(out, d)
	}
	return out
}

func (i item) document() checkDocument {
	return checkDocument{
		Step: i.step, Title: i.name, Status: i.status, At: at(i.at), Expected: i.expected, Found: i.found,
		Message: i.message, Hint: i.hint, Command: i.command, Tries: i.tries, Seconds: i.took.Seconds(),
	}
}
