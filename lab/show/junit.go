package show

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"nslab/lab/probe"
)

// The dialect of JUnit that every CI system reads: what the schema of Jenkins'
// xUnit plugin (junit-10.xsd) allows, so no file or line on a test case.
// GitLab shows classname as the suite and keeps one case per name.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr,omitempty"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name      string      `xml:"name,attr"`
		Classname string      `xml:"classname,attr"`
		Time      string      `xml:"time,attr"`
		Skipped   *junitWhy   `xml:"skipped"`
		Error     *junitWhy   `xml:"error"`   // could not be asked, or not even built
		Failure   *junitWhy   `xml:"failure"` // is not so
		Out       *junitWords `xml:"system-out"`
	}
	junitWhy struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	junitWords struct {
		Text string `xml:",chardata"`
	}
)

// JUnit writes a test run as a JUnit report, one suite for each file.
func JUnit(w io.Writer, files []File) error {
	t := total(files)
	doc := junitSuites{
		Name: "nslab", Tests: t.total(), Failures: t.Failed, Errors: t.Errors, Time: fmt.Sprintf("%.3f", t.Seconds),
	}
	taken := map[[2]string]bool{}
	for _, f := range files {
		doc.Suites = append(doc.Suites, f.junit(taken))
	}
	b, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, xml.Header+string(b)+"\n")
	return err
}

func (f File) junit(taken map[[2]string]bool) junitSuite {
	var t tally
	items := f.items(english)
	t.count(items)
	s := junitSuite{
		Name: word(f.name()), Tests: t.total(), Failures: t.Failed, Errors: t.Errors, Skipped: t.Skipped,
		Time:       fmt.Sprintf("%.3f", f.Took.Seconds()),
		Properties: []junitProperty{{"file", word(f.Path)}, {"lab", word(f.Lab)}},
	}
	if !f.Began.IsZero() {
		s.Timestamp = f.Began.UTC().Format(time.DateOnly + "T" + time.TimeOnly)
	}
	for _, i := range items {
		c := i.junit()
		c.Name = unique(taken, c.Classname, c.Name)
		s.Cases = append(s.Cases, c)
	}
	return s
}

// unique makes a second case of a name "name (2)".
func unique(taken map[[2]string]bool, class, name string) string {
	try := name
	for n := 2; taken[[2]string{class, try}]; n++ {
		try = fmt.Sprintf("%s (%d)", name, n)
	}
	taken[[2]string{class, try}] = true
	return try
}

func (i item) junit() junitCase {
	c := junitCase{Name: word(i.name), Classname: word(i.lab), Time: fmt.Sprintf("%.3f", i.took.Seconds())}
	if i.step != "" {
		c.Classname += "." + word(i.step)
	}
	first, _, _ := strings.Cut(i.message, "\n")
	why := &junitWhy{Message: clean(first), Text: clean(i.details())}
	switch i.status {
	case probe.Failed:
		why.Type = "check"
		c.Failure = why
	case probe.Broken:
		why.Type = "nslab"
		c.Error = why
	case probe.Skipped:
		why.Type, why.Text = "skipped", ""
		c.Skipped = why
	case probe.Passed:
		if i.command != "" {
			c.Out = &junitWords{clean(i.command + "\n" + i.found + "\n")}
		}
	}
	return c
}

// details is everything that is known of a failure, the place first.
func (i item) details() string {
	var b strings.Builder
	add := func(label, s string) {
		if s != "" {
			b.WriteString(label + s + "\n")
		}
	}
	add("", i.at.String())
	add("", i.message)
	add("hint: ", i.hint)
	add("ask: ", i.command)
	return b.String()
}

// clean leaves out what cannot be printed, and with it all that XML 1.0
// (section 2.2) has no way to write.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !strconv.IsPrint(r) {
			return -1
		}
		return r
	}, s)
}

// word is a name on one line.
func word(s string) string { return clean(strings.Join(strings.Fields(s), " ")) }
