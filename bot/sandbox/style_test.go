package sandbox

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each class that is drawn has a style, and each style is of a class that is drawn.
func TestEachClassHasAStyle(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "en", "*.golden"))
	require.NoError(t, err)
	drawn := map[string]bool{"bk-unknown": true}
	for i := range 9 {
		drawn["bk-indent-"+strconv.Itoa(i)] = true
	}
	for _, file := range files {
		html, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`class="([^"]*)"`).FindAllSubmatch(html, -1) {
			for _, class := range strings.Fields(string(m[1])) {
				drawn[class] = true
			}
		}
	}
	styled := map[string]bool{"bk-indent-0": true} // is as a list is
	for _, m := range regexp.MustCompile(`\.(bk-[a-z0-9-]+)`).FindAllStringSubmatch(styles(t), -1) {
		styled[m[1]] = true
	}
	require.Equal(t, drawn, styled)
}

// Text stands out from what is behind it, 4.5 to 1, and what can be pressed or filled in has an edge of 3 to 1: WCAG
// 2.2, 1.4.3 and 1.4.11.
func TestContrast(t *testing.T) {
	t.Parallel()
	light, dark, found := strings.Cut(styles(t), "prefers-color-scheme: dark")
	require.True(t, found)
	colours := map[string]string{}
	for name, scheme := range map[string]string{"light": light, "dark": dark} {
		for _, m := range regexp.MustCompile(`--bk-([a-z-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(scheme, -1) {
			colours[name+" "+m[1]] = m[2]
		}
	}
	colours["dark on-colour"] = colours["light on-colour"]
	for _, scheme := range []string{"light ", "dark "} {
		for pair, least := range map[[2]string]float64{
			{"text", "back"}: 4.5, {"text", "hover"}: 4.5, {"text", "unknown"}: 4.5, {"faint", "back"}: 4.5,
			{"text", "code-back"}: 4.5, {"link", "back"}: 4.5, {"link", "mention-back"}: 4.5,
			{"code", "code-back"}: 4.5, {"code", "back"}: 4.5, {"on-colour", "primary"}: 4.5,
			{"on-colour", "danger"}: 4.5, {"edge", "back"}: 3,
		} {
			one, other := luminance(t, colours[scheme+pair[0]]), luminance(t, colours[scheme+pair[1]])
			contrast := (max(one, other) + 0.05) / (min(one, other) + 0.05)
			require.GreaterOrEqual(t, contrast, least, "%s%v", scheme, pair)
		}
	}
}

func styles(t *testing.T) string {
	t.Helper()
	css, err := os.ReadFile(filepath.Join("static", "blocks.css"))
	require.NoError(t, err)
	return string(css)
}

// luminance is https://www.w3.org/TR/WCAG22/#dfn-relative-luminance.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		require.NoError(t, err)
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
