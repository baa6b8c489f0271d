package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
)

// The plot is cost against N, both logarithmic, a panel for each phase: a
// straight line that rises as the floor's does is what nslab should be.

//go:embed plot.svg.tmpl
var plotSVG string

const (
	panelWidth, panelHeight = 300, 260
	smallest, largest       = 1e-3, 100.0 // seconds
)

// colours that can be told apart by everybody (Okabe and Ito).
var colours = []string{"#000000", "#0072b2", "#56b4e9", "#e69f00", "#d55e00", "#009e73"}

type panel struct {
	Title  string
	X      int
	Series []series
	XTicks []tick
	YTicks []tick
}

type series struct {
	Name, Colour string
	Points       string
	Dots         []point
	Y            int // of its line in the legend
}

type point struct{ X, Y float64 }

type tick struct {
	At   float64
	Text string
}

func (res *results) plot() []byte {
	t := template.Must(template.New("plot").Parse(plotSVG))
	panels := []panel{}
	for i, phase := range []string{apply, verify, destroy} {
		panels = append(panels, res.panel(phase, 60+i*(panelWidth+60)))
	}
	var b bytes.Buffer
	if err := t.Execute(&b, map[string]any{"Panels": panels, "Legend": res.legend(), "W": panelWidth, "H": panelHeight}); err != nil {
		return fmt.Appendf(nil, "<!-- %v -->", err) // the template is a part of the program
	}
	return b.Bytes()
}

func (res *results) legend() (out []series) {
	for i, who := range res.who() {
		out = append(out, series{Name: who, Colour: colours[i%len(colours)], Y: 20 * i})
	}
	return out
}

func (res *results) panel(phase string, x int) panel {
	p := panel{Title: phase, X: x, YTicks: decades()}
	for _, s := range res.legend() {
		for _, c := range res.cases {
			v := median(res.values(c, s.Name, phase, wall))
			if c.kind != "star" || v == 0 {
				continue
			}
			at := point{across(float64(c.size)), up(v)}
			s.Dots = append(s.Dots, at)
			s.Points += fmt.Sprintf("%.1f,%.1f ", at.X, at.Y)
		}
		p.Series = append(p.Series, s)
	}
	for _, n := range []float64{2, 10, 30, 100, 1000} {
		p.XTicks = append(p.XTicks, tick{across(n), fmt.Sprint(n)})
	}
	return p
}

func decades() (out []tick) {
	for v := smallest; v <= largest; v *= 10 {
		text := fmt.Sprintf("%.0f s", v)
		if v < 0.9 {
			text = fmt.Sprintf("%.0f ms", 1000*v)
		}
		out = append(out, tick{up(v), text})
	}
	return out
}

func across(n float64) float64 { return panelWidth * math.Log(n/2) / math.Log(1000.0/2) }

func up(s float64) float64 {
	return panelHeight - panelHeight*math.Log(s/smallest)/math.Log(largest/smallest)
}
