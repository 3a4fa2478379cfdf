package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"thesis project":       "thesis project",
		"毕业论文　项目":              "毕业论文　项目",
		"👩\u200d🔬 and ❤\ufe0f": "👩\u200d🔬 and ❤\ufe0f",
		"\x1b[2J\x07\r\n":      `\x1b[2J\a\r\n`,
		"\u202eevil\u2066":     `\u202eevil\u2066`,
		"\u200e\u200f\u061c":   `\u200e\u200f\u061c`,
		"\u2028\u2029\u0085":   `\u2028\u2029\u0085`,
		"\ufeff\u200b\u00ad":   `\ufeff\u200b\u00ad`,
		"\xff\ufffd":           `\xff\ufffd`,
		"\U000e0041":           `\U000e0041`,
	} {
		require.Equal(t, want, printable(text))
	}
}

func TestNoFormula(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"=1+1": "'=1+1", "  =1+1": "'  =1+1", "　＝1+1": "'　＝1+1", "\u200d@SUM": "'\u200d@SUM", "1=1": "1=1", "": "", "　": "　",
	} {
		require.Equal(t, want, noFormula(cell))
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]struct{ age, left string }{
		-time.Second:                        {"0s", "0s"},
		20 * time.Second:                    {"20s", "20s"},
		59*time.Minute + 40*time.Second:     {"59m", "1h"},
		time.Hour + 50*time.Minute:          {"1h", "2h"},
		2*day - time.Second:                 {"47h", "2d"},
		2*day + 23*time.Hour:                {"2d", "2d23h"},
		3*day - 200*time.Millisecond:        {"2d", "3d"},
		3*day - 40*time.Minute:              {"2d", "2d23h"},
		10*day + time.Hour + 29*time.Minute: {"10d", "10d1h"},
	} {
		require.Equal(t, want.age, age(d), d)
		require.Equal(t, want.left, left(d), d)
	}
}
