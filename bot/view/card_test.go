package view

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
)

func isabelsFacts() Facts {
	return Facts{
		Name: "Isabel Moreno", Title: "Doctoral <!here> *student*", Photo: "https://avatars.slack-edge.com/2026/isabel_72.png",
		Known: true, Earlier: []approval.Story{story(approval.Delivered), story(approval.Denied), story(approval.Failed)},
		VisibleTo: []string{"U0ADA", "U0DORA"},
	}
}

func cardMessages(v View) map[string]Message {
	guest := isabelsFacts()
	guest.Guest, guest.Title, guest.Photo, guest.Earlier = true, "", "http://example.org/isabel.png", nil
	return map[string]Message{
		"card":          v.Card(story(approval.Pending), isabelsFacts()),
		"card-guest":    v.Card(story(approval.Pending), guest),
		"card-approved": v.Card(story(approval.Approved), isabelsFacts()),
		"card-failed":   v.Card(story(approval.Failed), isabelsFacts()),
	}
}

// Only pictures that Slack keeps are shown.
func TestPhotos(t *testing.T) {
	t.Parallel()
	for address, is := range map[string]bool{
		"https://avatars.slack-edge.com/a_72.png": true, "https://ca.slack.com/a.png": true, "": false,
		"http://avatars.slack-edge.com/a_72.png": false, "https://example.org/a.png": false, "https://slack-edge.com.example.org/a": false,
		"https://avatars.slack-edge.com@example.org/a": false, "https://x@a.slack-edge.com/": false, "https://evilslack-edge.com/a": false,
		"https://a.slack-edge.com/" + strings.Repeat("a", 3000): false, "javascript:alert(1)": false, "https://a.slack-edge.com:8443/": false, "%": false,
	} {
		require.Equal(t, is, isPhoto(address), address)
	}
}

// Buttons are hidden from others only as long as there are few who see them.
func TestButtonsAreHiddenFromOthers(t *testing.T) {
	t.Parallel()
	visible := func(f Facts) []string {
		return buttons(testView(English).Card(story(approval.Pending), f))[0].VisibleToUserIDs
	}
	require.Equal(t, []string{"U0ADA", "U0DORA"}, visible(isabelsFacts()))
	require.Empty(t, visible(isabelsFacts().Plain()))
	many := isabelsFacts()
	for n := range visibleMax {
		many.VisibleTo = append(many.VisibleTo, fmt.Sprint("U", n))
	}
	require.Empty(t, visible(many))
}

// Whatever a profile says, and however much somebody has asked for, fits.
func TestCardLimits(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"&", "设", "👩‍🔬", "\n", "\u202e", "{id}", "<!here>"} {
		long := strings.Repeat(piece, 1000)
		f := Facts{Name: long, Title: long, Guest: true, Known: true, Photo: isabelsFacts().Photo}
		for range 30 {
			for _, state := range approval.States() {
				f.Earlier = append(f.Earlier, hostile(state))
			}
		}
		for n := range visibleMax {
			f.VisibleTo = append(f.VisibleTo, fmt.Sprintf("U%030d", n))
		}
		s := hostile(approval.Pending)
		s.Questions = []approval.Question{{Number: 1, Person: "U0ADA", Text: long}}
		for _, locale := range []Locale{English, Chinese} {
			m := testView(locale).Card(s, f)
			require.Empty(t, checkMessage(m))
			require.Equal(t, slack.MBTRichText, m.Blocks[0].BlockType())
		}
	}
}
