package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"nslab/lab/netns"
	"nslab/lab/sandbox"
	"nslab/scenarios"
)

func completionCommand(s streams) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script for a shell",
		ArgsUsage: "bash | zsh | fish",
		Description: `   bash:  source <(nslab completion bash)
   zsh:   nslab completion zsh > "${fpath[1]}/_nslab"
   fish:  nslab completion fish > ~/.config/fish/completions/nslab.fish`,
		Action: func(c *cli.Context) error {
			if err := arguments(c, 1, 1, "bash, zsh or fish"); err != nil {
				return err
			}
			script, ok := completions[c.Args().First()]
			if !ok {
				return usage("no completion for %q: there is bash, zsh and fish", c.Args().First())
			}
			_, err := fmt.Fprint(s.out, script)
			return err
		},
	}
}

// completions ask nslab itself for the words: `nslab ... --generate-bash-completion`.
var completions = map[string]string{
	"bash": `_nslab() {
    local cur="${COMP_WORDS[COMP_CWORD]}" words=("${COMP_WORDS[@]:0:COMP_CWORD}")
    [[ " ${words[*]} " == *" -- "* ]] && return
    mapfile -t COMPREPLY < <(compgen -W "$("${words[@]}" --generate-bash-completion 2>/dev/null)" -- "$cur")
}
complete -o default -F _nslab nslab
`,
	"zsh": `#compdef nslab
_nslab() {
    local -a words_before found
    words_before=("${(@)words[1,CURRENT-1]}")
    (( ${words_before[(I)--]} )) && { _default; return }
    found=("${(@f)$("${words_before[@]}" --generate-bash-completion 2>/dev/null)}")
    compadd -a found
    _files
}
# Read from fpath this is the body of _nslab, else a script.
if [[ ${funcstack[1]} == _nslab ]]; then _nslab "$@"; else compdef _nslab nslab; fi
`,
	"fish": `function __nslab_complete
    set -l words (commandline -opc)
    contains -- -- $words; and return
    $words --generate-bash-completion 2>/dev/null
end
complete -c nslab -a '(__nslab_complete)'
`,
}

// completeFlag is what the scripts append to the words typed so far.
const completeFlag = "--generate-bash-completion"

// complete prints what may come after the words typed so far.
func complete(s streams, app *cli.App, words []string) {
	for _, w := range candidates(s, app, words) {
		fmt.Fprintln(s.out, w)
	}
}

func candidates(s streams, app *cli.App, words []string) []string {
	h := hoister{app: app}
	for i := 0; i < len(words); i++ {
		i += h.take(words, i)
	}
	if h.wanting != "" {
		return valuesOf(s, &h)
	}
	if h.cmd == nil {
		var names []string
		for _, c := range app.Commands {
			names = append(names, c.Name)
		}
		return append(names, flagNames(app.Flags)...)
	}
	if h.closed { // the command of exec
		return nil
	}
	return append(nouns(h.cmd.Name), flagNames(h.cmd.Flags)...)
}

// valuesOf are what the flag that was typed last may be given.
func valuesOf(s streams, h *hoister) []string {
	name := strings.TrimLeft(h.wanting, "-")
	f := h.find(h.cmdFlags(), name)
	if f == nil {
		f = h.find(h.app.Flags, name)
	}
	if c, ok := f.(choice); ok {
		return c.values
	}
	switch f.Names()[0] {
	case "to", "from":
		return stepNames(s, h.rest)
	case "lab":
		return labNames()
	case "file":
		return scenarios.Names()
	case "report":
		return reportFormats()
	}
	return nil
}

// nouns are the names a command takes.
func nouns(command string) []string {
	switch command {
	case "exec", "shell":
		return append([]string{"host"}, namespaces()...)
	case "destroy", "verify", "status":
		return labNames()
	case "scenario":
		return append([]string{"list", "show"}, scenarios.Names()...)
	case "completion":
		return []string{"bash", "zsh", "fish"}
	case "apply", "walk", "test", "plan", "script", "validate":
		return scenarios.Names()
	}
	return nil
}

func labNames() []string {
	names, _ := allLabs()
	return names
}

func flagNames(flags []cli.Flag) []string {
	var out []string
	for _, f := range flags {
		out = append(out, "--"+f.Names()[0])
	}
	return out
}

func stepNames(s streams, files []string) []string {
	if len(files) == 0 || files[0] == "-" {
		return nil
	}
	_, t, err := load(s, files[0])
	if err != nil {
		return nil
	}
	var out []string
	for _, step := range t.Steps {
		out = append(out, step.Name.Text)
	}
	return out
}

// namespaces of the labs that are up.
func namespaces() []string {
	out, _ := netns.List()
	boxes, _ := sandbox.List()
	for _, b := range boxes {
		entries, _ := os.ReadDir(b.Path(netns.Dir))
		for _, e := range entries {
			out = append(out, e.Name())
		}
	}
	return out
}
