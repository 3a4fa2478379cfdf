package sandbox

import (
	"bytes"
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
	d := xml.NewDecoder(strings.NewReader(legible(html)))
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

// legible leaves out what XML can't have and HTML can.
func legible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, s)
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

func TestMrkdwn(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"":                                                   "",
		"*bold* _italic_ ~strike~ `code`":                    `<strong>bold</strong> <em>italic</em> <s>strike</s> <code>code</code>`,
		"_*both* one_":                                       `<strong><em>both</em></strong><em> one</em>`,
		"(*bold*), *粗体*。":                                    `(<strong>bold</strong>), <strong>粗体</strong>。`,
		"snake_case_name 2*3*4 a ~ b ~ c":                    `snake_case_name 2*3*4 a ~ b ~ c`,
		"* no* *no * __ ``":                                  `* no* *no * __ ` + "``",
		"*not\nover lines*":                                  "*not\nover lines*",
		"`*as* it _is_ &lt;b&gt;`":                           `<code>*as* it _is_ &lt;b&gt;</code>`,
		"&amp;amp; &lt;b&gt; &quot; <b>":                     `&amp;amp; &lt;b&gt; &amp;quot; &lt;b&gt;`,
		"<@U0ADA> <@U0X|x> <#C0APPROVE|old>":                 mentions("@Ada", "@U0X", "#ehpc-approvals"),
		"<!here> <!channel> <!everyone>":                     mentions("@here", "@channel", "@everyone"),
		"<!subteam^S0|@team>":                                mentions("@S0"),
		"<!unknown|x> <> <unclosed":                          `&lt;!unknown|x&gt; &lt;&gt; &lt;unclosed`,
		"<https://example.org/?a=1&amp;b=2>":                 anchor("https://example.org/?a=1&amp;b=2", "https://example.org/?a=1&amp;b=2"),
		"*<mailto:a@example.org|A &amp; B>*":                 `<strong>` + anchor("mailto:a@example.org", "A &amp; B") + `</strong>`,
		"<javascript:alert(1)|x> <//x.org|y>":                `&lt;javascript:alert(1)|x&gt; &lt;//x.org|y&gt;`,
		":wave: :+1:":                                        ":wave: :+1:",
		"<!date^1795521600^{date_short_pretty} {time}|then>": `<time datetime="2026-11-24T12:00:00Z" title="then">today 8:00 PM</time>`,
		"<!date^1795521600^{time}^https://example.org|then>": `<a href="https://example.org" target="_blank" rel="noopener">` +
			`<time datetime="2026-11-24T12:00:00Z" title="then">8:00 PM</time></a>`,
		"<!date^soon^{time}|then> <!date^1|then>": "then then",
	} {
		got := string(reader("en").Mrkdwn(source))
		require.NoError(t, checkMarkup(got), source)
		if want != "" {
			want = `<div class="bk-text">` + want + `</div>`
		}
		require.Equal(t, want, got, source)
	}
}

func TestMrkdwnParagraphs(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"a\nb":                             `<div>a` + "\n" + `b</div>`,
		"a\n&gt; b\n&gt;*c*\nd":            `<div>a</div><blockquote>b` + "\n" + `<strong>c</strong></blockquote><div>d</div>`,
		"> raw":                            `<blockquote>raw</blockquote>`,
		"a\n```\n*x* &lt;\n  y\n```\nb":    `<div>a</div><pre><code>*x* &lt;` + "\n" + `  y</code></pre><div>b</div>`,
		"```a``` ```b```":                  `<pre><code>a</code></pre><div> </div><pre><code>b</code></pre>`,
		"a ```open":                        "<div>a ```open</div>",
		"```<https://example.org|here>```": `<pre><code>` + anchor("https://example.org", "here") + `</code></pre>`,
	} {
		got := strings.ReplaceAll(string(reader("en").Mrkdwn(source)), ` class="bk-text"`, "")
		require.Equal(t, want, got, source)
	}
}

func mentions(names ...string) string {
	return `<span class="bk-mention">` + strings.Join(names, `</span> <span class="bk-mention">`) + `</span>`
}

func anchor(address, label string) string {
	return `<a href="` + address + `" target="_blank" rel="noopener">` + label + `</a>`
}

// A text as long as Slack takes, made of nothing but marks, does not hold the page up.
func TestMrkdwnOfManyMarks(t *testing.T) {
	t.Parallel()
	for _, mark := range []string{"*a ", "*a_b~c ", "<a ", "```", "`", "*_~`a`~_*", "&gt;\na\n"} {
		begun := time.Now()
		require.NotEmpty(t, reader("en").Mrkdwn(strings.Repeat(mark, 40_000/len(mark))))
		require.Less(t, time.Since(begun), 5*time.Second, mark)
	}
}

// What can't be drawn is shown as such, and takes nothing else with it.
func TestUnknown(t *testing.T) {
	t.Parallel()
	const known = `{"type":"section","text":{"type":"plain_text","text":"known"}}`
	for source, kind := range map[string]string{
		`{"type":"video<b>"}`:                                                                             "video&lt;b&gt;",
		`{"type":"section","fields":"none"}`:                                                              "section",
		`{"type":"input","label":{"type":"plain_text","text":"no element"}}`:                              "input",
		`{"type":"input","element":{"type":"file_input"}}`:                                                "file_input",
		`{"type":"actions","elements":[{"type":"workflow_button"}]}`:                                      "workflow_button",
		`{"type":"section","accessory":{"type":"external_select"}}`:                                       "external_select",
		`{"type":"context","elements":[{"type":"new"}]}`:                                                  "new",
		`{"type":"rich_text","elements":[{"type":"rich_text_table"}]}`:                                    "rich_text_table",
		`{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"citation"}]}]}`: "citation",
		`{}`:         "?",
		`"a string"`: "?",
		`null`:       "?",
	} {
		got := string(reader("en").Blocks(json.RawMessage(`[` + source + `,` + known + `]`)))
		require.NoError(t, checkMarkup(got), source)
		require.Contains(t, got, `<span class="bk-unknown">The sandbox cannot draw this: <code>`+kind+`</code></span>`, source)
		require.Contains(t, got, "known</div>", source)
	}
	require.Contains(t, reader("zh").Blocks(json.RawMessage(`[{"type":"video"}]`)), "沙盒无法显示此内容：<code>video</code>")
	require.Contains(t, reader("en").Blocks(json.RawMessage(`{}`)), "bk-unknown")
	require.Empty(t, reader("en").Blocks(nil))

	for _, view := range []string{``, `[]`, `{}`, `{"type":"workflow_step"}`} {
		_, err := reader("en").View(json.RawMessage(view))
		require.Error(t, err, view)
	}
}

// Two inputs on a page have the same id only where their messages are the same.
func TestInputIDs(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for _, label := range []string{"one", "two"} {
		input := `{"type":"input","block_id":"b","label":"` + label + `","element":{"type":"plain_text_input"}}`
		drawn := string(reader("en").Blocks(json.RawMessage(`[` + input + `,` + input + `]`)))
		for _, id := range regexp.MustCompile(` id="[^"]*"`).FindAllString(drawn, -1) {
			require.NotContains(t, ids, id)
			ids[id] = true
		}
	}
	require.Len(t, ids, 2*2*2)
}

// A reader of whom nothing is known sees ids and UTC.
func TestUnknownReader(t *testing.T) {
	t.Parallel()
	got := string(Reader{}.Mrkdwn("<@U0ADA> <!date^1795521600^{date_pretty} {time}|then>"))
	require.Contains(t, got, "@U0ADA")
	require.Contains(t, got, ">November 24, 2026 12:00 PM<")
}

// Whatever stands wherever in a message, a form or a text: none of it becomes markup, and a text stays as it is.
func FuzzNoMarkup(f *testing.F) {
	for _, hostile := range []string{
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "' onclick='x", "javascript:alert(1)",
		"</textarea></pre>\x00\xff", "<https://example.org\"onclick=x|y>", "<!date^1^{time}^javascript:x|<b>>", "*_~`<@U1>`~_*",
		"&lt;b&gt; &amp;lt; ]]> <!-- --> <?x?>", "```<b>\n&gt; a", "https://example.org/<b>", "{date_short_pretty}", "1f44b",
		`[{"type":"rich_text","elements":[{"type":"rich_text_list","style":{"bold":1},"elements":[{}]}]}]`, `{"type":"home","blocks":[[]]}`,
	} {
		f.Add(hostile)
	}
	var all []any
	for _, scene := range []string{"blocks", "inputs", "rich-text"} {
		data, err := os.ReadFile(filepath.Join("testdata", scene+".scene"))
		require.NoError(f, err)
		_, data, _ = bytes.Cut(data, []byte("\n--- "))
		var v any
		require.NoError(f, json.NewDecoder(bytes.NewReader(data[bytes.IndexByte(data, '\n'):])).Decode(&v))
		all = append(all, v)
	}
	r := reader("zh")
	r.Names = func(id string) string { return id }
	f.Fuzz(func(t *testing.T, s string) {
		require.NoError(t, checkMarkup(string(r.Mrkdwn(s))))
		check := func(source []byte) {
			require.NoError(t, checkMarkup(string(r.Blocks(source))))
			view, _ := r.View(source)
			require.NoError(t, checkMarkup(string(view)))
		}
		check([]byte(s))
		for _, scene := range all {
			for _, spare := range []string{"type", "nothing"} {
				source, err := json.Marshal(replaced(scene, spare, s))
				require.NoError(t, err)
				check(source)
			}
		}
		block, err := json.Marshal([]any{map[string]any{"type": "header", "text": s}})
		require.NoError(t, err)
		read, err := readable(string(r.Blocks(block)))
		require.NoError(t, err)
		require.Equal(t, legible(strings.ReplaceAll(s, "\x00", "\uFFFD")), read)
	})
}

// replaced is a value of JSON with s for each string in it, save those of the key that is to be spared.
func replaced(v any, spare, s string) any {
	switch v := v.(type) {
	case string:
		return s
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = replaced(v[i], spare, s)
		}
		return all
	case map[string]any:
		all := map[string]any{}
		for k := range v {
			if all[k] = v[k]; k != spare {
				all[k] = replaced(v[k], spare, s)
			}
		}
		return all
	}
	return v
}

// readable is the text in HTML.
func readable(html string) (string, error) {
	var all strings.Builder
	d := xml.NewDecoder(strings.NewReader(legible(html)))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all.String(), nil
		}
		if err != nil {
			return "", err
		}
		if text, is := token.(xml.CharData); is {
			all.Write(text)
		}
	}
}
