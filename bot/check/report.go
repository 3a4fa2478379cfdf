package check

import (
	"encoding/json"
	"fmt"
	"io"
)

// Report writes findings: each as it comes, or all at the end as one JSON document.
type Report struct {
	Out  io.Writer
	JSON bool

	findings []Finding
	faults   int
}

// Add takes a finding.
func (r *Report) Add(f Finding) {
	r.findings = append(r.findings, f)
	if f.Status == Fault {
		r.faults++
	}
	if !r.JSON {
		_, _ = fmt.Fprint(r.Out, f)
	}
}

// End writes what comes last, and tells whether there was no fault.
func (r *Report) End() bool {
	works := r.faults == 0
	switch {
	case r.JSON:
		e := json.NewEncoder(r.Out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		_ = e.Encode(struct {
			OK       bool      `json:"ok"`
			Findings []Finding `json:"findings"`
		}{works, r.findings})
	case works:
		_, _ = fmt.Fprintln(r.Out, "\nEverything works: the bot can be started.")
	default:
		_, _ = fmt.Fprintf(r.Out, "\n%d of these failed.\n", r.faults)
	}
	return works
}
