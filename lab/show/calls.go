package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"nslab/lab/plugins"
)

// Calls tells how plugins of CNI were called: the command and the environment, what
// came on standard input (<), what the plugin has called in turn, and what it
// has answered (>).
func Calls(w io.Writer, calls []plugins.Call, style Style) error {
	var p page
	for len(calls) > 0 {
		calls = p.call(calls, style)
	}
	return p.to(w)
}

// call tells the first of calls, and those that it has made; it returns the rest.
func (p *page) call(calls []plugins.Call, style Style) []plugins.Call {
	c, rest := calls[0], calls[1:]
	margin := strings.Repeat("    ", c.Depth)
	head := fmt.Sprintf("%s %s", c.Env["CNI_COMMAND"], filepath.Base(c.Plugin))
	p.line(margin, paint(style.Heading, plain(head)), "  ", paint(style.Faint, plain(c.Plugin)+", "+c.Took.Round(100*time.Microsecond).String()))
	for _, key := range []string{"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"} {
		if v, said := c.Env[key]; said {
			p.line(margin, "  ", plain(key+"="+v))
		}
	}
	p.said(margin, "< ", c.Stdin, nil)
	for len(rest) > 0 && rest[0].Depth > c.Depth {
		rest = p.call(rest, style)
	}
	color := style.Good
	if c.Status != 0 {
		color = style.Bad
	}
	p.said(margin, "> ", c.Stdout, color)
	for line := range strings.Lines(c.Stderr) {
		p.line(margin, "  ! ", plain(strings.TrimRight(line, "\n")))
	}
	p.line(margin, "  ", paint(color, fmt.Sprintf("exit status %d", c.Status)))
	return rest
}

// said tells a document, laid out when it is JSON.
func (p *page) said(margin, sign, text string, color func(string) string) {
	text = strings.TrimSpace(text)
	var laid bytes.Buffer
	if json.Indent(&laid, []byte(text), "", "  ") == nil {
		text = laid.String()
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		body := strings.TrimLeft(line, " ")
		p.line(margin, "  ", sign, strings.Repeat(" ", len(line)-len(body)), paint(color, plain(body)))
	}
}
