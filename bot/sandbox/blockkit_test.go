package sandbox

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files")

// reader is somebody in Shanghai, on the day on which the examples of bot/view are.
func reader(lang string) Reader {
	names := map[string]string{"U0ISABEL": "Isabel", "U0ADA": "Ada", "U0GRACE": "Grace", "C0APPROVE": "#ehpc-approvals"}
	return Reader{
		Lang:     lang,
		Location: time.FixedZone("CST", 8*60*60),
		Now:      time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC),
		Names: func(id string) string {
			if name, known := names[id]; known {
				return name
			}
			return id
		},
	}
}

// Each message and view that the bot can send, as the golden files of bot/view have them, and what else Block Kit
// has, is drawn as its golden file says.
func TestDrawing(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"en", "zh"} {
		scenes, err := filepath.Glob(filepath.Join("..", "view", "testdata", lang, "*.golden"))
		require.NoError(t, err)
		require.NotEmpty(t, scenes)
		more, err := filepath.Glob(filepath.Join("testdata", "*.scene"))
		require.NoError(t, err)
		require.NotEmpty(t, more)
		names := map[string]bool{}
		for _, file := range append(scenes, more...) {
			name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
			names[name+".golden"] = true
			t.Run(lang+"/"+name, func(t *testing.T) {
				t.Parallel()
				scene, err := os.ReadFile(file)
				require.NoError(t, err)
				got := drawn(t, reader(lang), string(scene))
				require.NotContains(t, got, "bk-unknown")
				compare(t, filepath.Join("testdata", lang, name+".golden"), got)
			})
		}
		t.Run(lang+"/no other files", func(t *testing.T) {
			t.Parallel()
			found, err := filepath.Glob(filepath.Join("testdata", lang, "*"))
			require.NoError(t, err)
			for _, f := range found {
				require.Contains(t, names, filepath.Base(f))
			}
		})
	}
}

// drawn draws the parts of a scene: "--- text", "--- blocks" and "--- view", each with what is to be drawn below it.
func drawn(t *testing.T, r Reader, scene string) string {
	t.Helper()
	var all strings.Builder
	for _, part := range strings.Split("\n"+scene, "\n--- ")[1:] {
		kind, source, _ := strings.Cut(part, "\n")
		var got template.HTML
		switch kind {
		case "text":
			got = r.Mrkdwn(strings.TrimSpace(source))
		case "blocks":
			got = r.Blocks(json.RawMessage(source))
		case "view":
			var err error
			got, err = r.View(json.RawMessage(source))
			require.NoError(t, err)
		default:
			require.Fail(t, "unknown part", kind)
		}
		require.NoError(t, checkMarkup(string(got)))
		all.WriteString("--- " + kind + "\n" + betweenBlocks.ReplaceAllString(string(got), ">\n<$1") + "\n")
	}
	require.NotEmpty(t, all.String())
	return all.String()
}

// betweenBlocks is where a line break in a golden file changes nothing.
var betweenBlocks = regexp.MustCompile(`><(/?(blockquote|button|details|div|fieldset|form|h2|hr|input|label|legend|li|ol|` +
	`optgroup|option|p|pre|select|summary|textarea|ul)\b)`)

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run the test with -update")
	require.Equal(t, string(want), got)
}

// checkMarkup says whether HTML has tags or attributes other than those the drawing makes itself, or does not
// close what it opens.
func checkMarkup(html string) error {
	d := xml.NewDecoder(strings.NewReader(html))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if !tags[token.Name.Local] {
				return errors.New("a tag of its own: " + token.Name.Local)
			}
			for _, a := range token.Attr {
				if err := checkAttribute(a); err != nil {
					return err
				}
			}
		case xml.Comment, xml.Directive, xml.ProcInst:
			return errors.New("markup of its own")
		}
	}
}

func checkAttribute(a xml.Attr) error {
	switch name := a.Name.Local; {
	case !attributes[name]:
		return errors.New("an attribute of its own: " + name)
	case name == "href" && !safeLink.MatchString(a.Value):
		return errors.New("an unsafe link: " + a.Value)
	case name == "class" && !strings.HasPrefix(a.Value, "bk-"):
		return errors.New("a class of its own: " + a.Value)
	}
	return nil
}

var safeLink = regexp.MustCompile(`^(?i:https?://[^/]|mailto:)`)

func set(words string) map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields(words) {
		all[w] = true
	}
	return all
}

var tags = set(`a blockquote button code details div em fieldset form h2 h3 hr input label legend li ol optgroup option
	p pre s select small span strong summary textarea time u ul`)

var attributes = set(`aria-describedby aria-label autocomplete autofocus checked class data-action data-block
	data-close data-confirm data-error data-type data-value datetime for href id label max maxlength method min minlength
	multiple name placeholder rel required role rows selected start step target title type value`)
