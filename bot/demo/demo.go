// Package demo plays one request from the command to the credentials, for people who want to see what the bot
// does before they have a Slack app or a cluster. The bot is the real one, over real connections; the
// workspace and the EHPC API are embedded ones on this machine.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sethvargo/go-envconfig"

	"ehpcbot/bot/slacktest"
	"ehpcbot/ehpc/ehpctest"
)

const (
	command = "/ehpc-adduser"
	cluster = "ehpc-8jqdq0mz"
	zone    = "jn1a"
	isabel  = "U0ISABEL"
	anna    = "U0ANNA"
	channel = "C0APPROVALS"
)

// Play plays the request and writes the conversation to out, as each person sees it. serve runs the bot with a
// configuration until its context ends. An error means that something went otherwise than it should.
func Play(ctx context.Context, out io.Writer, serve func(ctx context.Context, env envconfig.Lookuper) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "ehpcbot-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer os.RemoveAll(dir)
	stage := newStage(out)
	defer stage.close()

	bot, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		err := serve(bot, envconfig.MapLookuper(stage.environment(dir)))
		if err != nil {
			cancel() // nobody needs to wait for a bot that is not there
		}
		ended <- err
	}()
	err = stage.play(ctx)
	stop()
	if failed := <-ended; failed != nil {
		return fmt.Errorf("the bot: %w", failed)
	}
	return err
}

// stage is the embedded workspace and API, and the pen that writes down what people see.
type stage struct {
	out   io.Writer
	slack *slacktest.Server
	api   *ehpctest.Server

	printed atomic.Int64 // events
}

func newStage(out io.Writer) *stage {
	s := &stage{
		out:   out,
		slack: slacktest.NewServer(),
		api:   ehpctest.NewServer(ehpctest.WithCluster(cluster, zone), ehpctest.WithJobTime(300*time.Millisecond)),
	}
	s.slack.AddUser(slacktest.User{ID: isabel, Name: "isabel", RealName: "Isabel", Locale: "en-US"})
	s.slack.AddUser(slacktest.User{ID: anna, Name: "anna", RealName: "Anna", Locale: "en-US"})
	s.slack.AddChannel(slacktest.Channel{ID: channel, Name: "hpc-approvals", BotIsMember: true})
	s.slack.OnEvent(s.print)
	return s
}

func (s *stage) close() {
	s.slack.Close()
	s.api.Close()
}

// environment is the configuration of a real deployment, but for the two addresses.
func (s *stage) environment(dir string) map[string]string {
	return map[string]string{
		"SLACK_API_URL":               s.slack.APIURL(),
		"SLACK_APP_TOKEN":             slacktest.AppToken,
		"SLACK_BOT_TOKEN":             slacktest.BotToken,
		"EHPC_ENDPOINT":               s.api.URL,
		"QINGCLOUD_ACCESS_KEY_ID":     ehpctest.AccessKeyID,
		"QINGCLOUD_SECRET_ACCESS_KEY": ehpctest.SecretAccessKey,
		"EHPC_CLUSTERS":               cluster + "@" + zone + "=Training",
		"APPROVAL_CHANNEL":            channel,
		"APPROVERS":                   anna,
		"LOGIN_HINT":                  "ssh {username}@login.example.org",
		"DATABASE_URL":                "sqlite:" + filepath.Join(dir, "ehpcbot.db"),
		"HTTP_ADDR":                   "",
	}
}

// play lets the people act, each after having seen what came before.
func (s *stage) play(ctx context.Context) error {
	s.say("ehpcbot demo: an embedded Slack workspace and an embedded EHPC API, on this machine alone.\n" +
		"Isabel asks for an account on the cluster Training; Anna approves in #hpc-approvals.\n")
	if err := s.slack.Wait(ctx, func() bool { return s.slack.Connections() > 0 }); err != nil {
		return fmt.Errorf("the bot did not connect: %w", err)
	}
	if reply := s.slack.Person(isabel).Command(ctx, command, `isabel reason="thesis project"`); reply.Err != nil {
		return fmt.Errorf("the command was not answered: %w", reply.Err)
	}
	request, err := s.slack.WaitMessage(ctx, channel, func(m slacktest.Message) bool { return len(m.Buttons()) == 2 })
	if err != nil {
		return fmt.Errorf("the approvers were not asked: %w", err)
	}
	if _, err := s.slack.Person(anna).Press(ctx, request, "Approve"); err != nil {
		return fmt.Errorf("the approval was not taken: %w", err)
	}
	message, err := s.credentials(ctx)
	if err != nil {
		return err
	}
	// The approval message follows to the end.
	if _, err := s.slack.WaitMessage(ctx, channel, func(m slacktest.Message) bool {
		return strings.Contains(m.Plain(), "delivered") || len(m.Buttons()) == 0
	}); err != nil {
		return fmt.Errorf("the approvers were not told: %w", err)
	}
	if _, err := s.slack.Person(isabel).Press(ctx, message, message.Buttons()[0].Text); err != nil {
		return fmt.Errorf("the credentials were not cleared: %w", err)
	}
	password, _ := s.api.Password(cluster, "isabel")
	_, err = s.slack.WaitDirectMessage(ctx, isabel, func(m slacktest.Message) bool { return !strings.Contains(m.Plain(), password) })
	if err != nil {
		return fmt.Errorf("the credentials were not cleared: %w", err)
	}
	return s.judge(password)
}

// credentials waits until Isabel sees the password that her account has.
func (s *stage) credentials(ctx context.Context) (slacktest.Message, error) {
	m, err := s.slack.WaitDirectMessage(ctx, isabel, func(m slacktest.Message) bool {
		password, made := s.api.Password(cluster, "isabel")
		return made && strings.Contains(m.Plain(), password) && len(m.Buttons()) > 0
	})
	if err != nil {
		return m, fmt.Errorf("the credentials did not arrive: %w", err)
	}
	return m, nil
}

// judge looks at what the strict doubles have to say of it all.
func (s *stage) judge(password string) error {
	if v := s.slack.Violations(); len(v) > 0 {
		return fmt.Errorf("rules of Slack's were broken: %s", strings.Join(v, "; "))
	}
	for _, n := range s.slack.Person(isabel).Notifications() {
		if strings.Contains(n.Mobile+n.Desktop, password) {
			return errors.New("a notification showed the password")
		}
	}
	if n := s.api.AddUserEffects(cluster, "isabel"); n != 1 {
		return fmt.Errorf("the account was made %d times", n)
	}
	s.allPrinted()
	s.say("The account exists on the cluster, its password is the one that Isabel saw, and no notification showed it.")
	return nil
}

func (s *stage) say(text string) { fmt.Fprintln(s.out, text) }

// picture draws a message: its text, and its buttons below.
func picture(m slacktest.Message) string {
	var buttons []string
	for _, b := range m.Buttons() {
		buttons = append(buttons, "["+b.Text+"]")
	}
	m.Text = "" // it stands for the blocks where those can't be shown
	m.Blocks = slices.DeleteFunc(slices.Clone(m.Blocks), func(b json.RawMessage) bool {
		return strings.Contains(string(b), `"type":"actions"`)
	})
	return strings.TrimSpace(m.Plain() + "\n" + strings.Join(buttons, " "))
}

// allPrinted waits until everything that happened so far is written down.
func (s *stage) allPrinted() {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s.printed.Load() < int64(len(s.slack.Transcript())) {
		<-tick.C
	}
}

// print writes an event down, with who sees it in front.
func (s *stage) print(e slacktest.Event) {
	defer s.printed.Add(1)
	who := map[string]string{isabel: "Isabel", anna: "Anna"}
	heading := ""
	switch e.Kind {
	case slacktest.CommandTyped:
		heading = who[e.User] + " types"
	case slacktest.ButtonPressed:
		heading = who[e.User] + " presses"
	case slacktest.ModalOpened, slacktest.ModalUpdated:
		heading = who[e.SeenBy] + " sees a form"
	case slacktest.ModalSubmitted:
		heading = who[e.User] + " submits"
	case slacktest.EphemeralShown:
		heading = "only " + who[e.SeenBy] + " sees"
	case slacktest.MessagePosted, slacktest.MessageUpdated, slacktest.MessageDeleted:
		heading = "direct message to Isabel"
		if e.Channel == channel {
			heading = "in #hpc-approvals"
		}
		heading += map[slacktest.EventKind]string{
			slacktest.MessagePosted: ", a new message", slacktest.MessageUpdated: ", the message changes", slacktest.MessageDeleted: ", the message is deleted",
		}[e.Kind]
	default:
		heading = string(e.Kind)
	}
	text := e.Text
	if e.Message != nil && e.Kind != slacktest.ButtonPressed {
		text = picture(*e.Message)
	}
	for id, name := range who {
		text = strings.ReplaceAll(text, id, name)
	}
	fmt.Fprintf(s.out, "── %s\n   %s\n\n", heading, strings.ReplaceAll(text, "\n", "\n   "))
}
