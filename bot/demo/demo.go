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

// language is what the people of a demo speak, the words by which they know how the request stands, and those of
// the narrator.
type language struct {
	locale       string // the bot's
	slack        string // the people's
	reason       string // what Isabel needs the account for
	making, done string // in the approval message

	opening, end               string
	types, sees, presses       string // presses is of the person %s
	channelNew, channelChanges string
	directNew, directChanges   string
	window                     string
}

var english = language{
	locale: "en", slack: "en-US", reason: "thesis project",
	making: "is being made", done: "the credentials were delivered",

	opening: "ehpcbot demo: an embedded Slack workspace and an embedded EHPC API, on this machine alone.\n" +
		"Isabel asks for an account on the cluster Training; Anna approves in #hpc-approvals.\n",
	end: "The account exists on the cluster, its password is the one that Isabel saw, and no notification showed it.",

	types: "Isabel types", sees: "only Isabel sees", presses: "%s presses",
	channelNew: "in #hpc-approvals, a new message", channelChanges: "in #hpc-approvals, the message changes",
	directNew: "direct message to Isabel, a new message", directChanges: "direct message to Isabel, the message changes",
	window: "a window opens, before Isabel alone",
}

var chinese = language{
	locale: "zh", slack: "zh-CN", reason: "毕业设计",
	making: "正在创建账号", done: "登录信息已送达",

	opening: "ehpcbot 演示：内置的 Slack 工作区和内置的 EHPC 接口，全部在本机运行。\n" +
		"Isabel 申请集群 Training 的账号，Anna 在 #hpc-approvals 中批准。\n",
	end: "账号已在集群上创建，密码就是 Isabel 看到的那个，没有任何通知显示过它。",

	types: "Isabel 输入", sees: "只有 Isabel 能看到", presses: "%s 点击",
	channelNew: "#hpc-approvals 中的新消息", channelChanges: "#hpc-approvals 中的消息更新",
	directNew: "发给 Isabel 的新私信", directChanges: "发给 Isabel 的私信更新",
	window: "打开窗口，只有 Isabel 能看到",
}

// languageOf takes English for whatever it does not know: the demo needs no configuration, so none can be wrong.
func languageOf(locale string) language {
	if strings.EqualFold(strings.TrimSpace(locale), chinese.locale) {
		return chinese
	}
	return english
}

// Play plays the request and writes the conversation to out, as each person sees it, in the language of a LOCALE, and with
// the credentials behind a button where CREDENTIALS_DELIVERY says so; what else it may say is none of the demo's. serve runs
// the bot with a configuration until its context ends. An error means that something went otherwise than it should.
func Play(ctx context.Context, out io.Writer, locale, delivery string, serve func(ctx context.Context, env envconfig.Lookuper) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "ehpcbot-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer os.RemoveAll(dir)
	stage := newStage(out, languageOf(locale))
	stage.byButton = strings.EqualFold(strings.TrimSpace(delivery), "button")
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
	out      io.Writer
	lang     language
	byButton bool
	slack    *slacktest.Server
	api      *ehpctest.Server
}

func newStage(out io.Writer, lang language) *stage {
	s := &stage{
		out:   out,
		lang:  lang,
		slack: slacktest.NewServer(),
		api:   ehpctest.NewServer(ehpctest.WithCluster(cluster, zone), ehpctest.WithJobTime(300*time.Millisecond)),
	}
	s.slack.AddUser(slacktest.User{ID: isabel, Name: "isabel", RealName: "Isabel Moreno", Locale: lang.slack})
	s.slack.AddUser(slacktest.User{ID: anna, Name: "anna", RealName: "Anna", Locale: lang.slack})
	s.slack.AddChannel(slacktest.Channel{ID: channel, Name: "hpc-approvals", BotIsMember: true})
	return s
}

func (s *stage) close() {
	s.slack.Close()
	s.api.Close()
}

// environment is the configuration of a real deployment, but for the two addresses.
func (s *stage) environment(dir string) map[string]string {
	delivery := "message"
	if s.byButton {
		delivery = "button"
	}
	return map[string]string{
		"CREDENTIALS_DELIVERY":        delivery,
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
		"LOCALE":                      s.lang.locale,
	}
}

// play lets the people act, each after having seen what came before. It writes each thing down once it is there,
// and not as it happens: so the conversation is the same each time, although the bot does several things at once.
func (s *stage) play(ctx context.Context) error {
	s.say(s.lang.opening)
	if err := s.slack.Wait(ctx, func() bool { return s.slack.Connections() > 0 }); err != nil {
		return fmt.Errorf("the bot did not connect: %w", err)
	}
	acts := []func(context.Context) error{s.ask, s.approve, s.handOver, s.clear}
	if s.byButton {
		acts = []func(context.Context) error{s.ask, s.approve, s.show, s.clear}
	}
	for _, act := range acts {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return s.judge()
}

func (s *stage) ask(ctx context.Context) error {
	words := `isabel reason="` + s.lang.reason + `"`
	s.scene(s.lang.types, command+" "+words)
	reply := s.slack.Person(isabel).Command(ctx, command, words)
	if reply.Err != nil {
		return fmt.Errorf("the command was not answered: %w", reply.Err)
	}
	s.scene(s.lang.sees, picture(slacktest.Message{Blocks: reply.Blocks}))
	return nil
}

func (s *stage) approve(ctx context.Context) error {
	request, err := s.slack.WaitMessage(ctx, channel, func(m slacktest.Message) bool { return len(m.Buttons()) > 0 })
	if err != nil {
		return fmt.Errorf("the approvers were not asked: %w", err)
	}
	s.scene(s.lang.channelNew, picture(request))
	// The cluster takes its time, so that it can be seen that the message follows the request.
	s.api.HangJobs(true)
	defer s.api.HangJobs(false)
	if err := s.press(ctx, "Anna", anna, request); err != nil {
		return fmt.Errorf("the approval was not taken: %w", err)
	}
	return s.follows(ctx, s.lang.making)
}

// follows waits until the approval message says something.
func (s *stage) follows(ctx context.Context, words string) error {
	m, err := s.slack.WaitMessage(ctx, channel, func(m slacktest.Message) bool { return strings.Contains(picture(m), words) })
	if err != nil {
		return fmt.Errorf("the approvers were not told: %w", err)
	}
	s.scene(s.lang.channelChanges, picture(m))
	return nil
}

// press presses the first button of a message.
func (s *stage) press(ctx context.Context, name, person string, m slacktest.Message) error {
	return s.pressThe(ctx, 0, name, person, m)
}

func (s *stage) pressThe(ctx context.Context, which int, name, person string, m slacktest.Message) error {
	button := m.Buttons()[which].Text
	s.scene(fmt.Sprintf(s.lang.presses, name), button)
	_, err := s.slack.Person(person).Press(ctx, m, button)
	return err
}

// handOver waits until Isabel sees the password that her account has.
func (s *stage) handOver(ctx context.Context) error {
	m, err := s.slack.WaitDirectMessage(ctx, isabel, s.showsPassword)
	if err != nil {
		return fmt.Errorf("the credentials did not arrive: %w", err)
	}
	// What notifies her holds no password; it comes into the message when that is there.
	s.scene(s.lang.directNew, picture(slacktest.Message{Blocks: m.History[0].Blocks}))
	s.scene(s.lang.directChanges, picture(m))
	return s.follows(ctx, s.lang.done)
}

// show lets Isabel open the credentials.
func (s *stage) show(ctx context.Context) error {
	m, err := s.slack.WaitDirectMessage(ctx, isabel, func(m slacktest.Message) bool { return len(m.Buttons()) > 1 })
	if err != nil {
		return fmt.Errorf("the button did not arrive: %w", err)
	}
	s.scene(s.lang.directNew, picture(m))
	if err := s.follows(ctx, s.lang.done); err != nil {
		return err
	}
	if err := s.press(ctx, "Isabel", isabel, m); err != nil {
		return fmt.Errorf("the press was not taken: %w", err)
	}
	password, _ := s.api.Password(cluster, "isabel")
	v, err := s.slack.Person(isabel).WaitModal(ctx, func(v slacktest.View) bool { return strings.Contains(v.Plain(), password) })
	if err != nil {
		return fmt.Errorf("the credentials did not open: %w", err)
	}
	s.scene(s.lang.window, v.Plain())
	_, err = s.slack.Person(isabel).CloseModal(ctx)
	return err
}

func (s *stage) showsPassword(m slacktest.Message) bool {
	password, made := s.api.Password(cluster, "isabel")
	return made && strings.Contains(m.Plain(), password) && len(m.Buttons()) > 0 && len(m.History) > 0
}

func (s *stage) clear(ctx context.Context) error {
	shows, saved := s.showsPassword, 0 // which button
	if s.byButton {
		shows, saved = func(m slacktest.Message) bool { return len(m.Buttons()) > 3 }, 1
	}
	m, err := s.slack.WaitDirectMessage(ctx, isabel, shows)
	if err == nil {
		err = s.pressThe(ctx, saved, "Isabel", isabel, m)
	}
	if err == nil {
		m, err = s.slack.WaitDirectMessage(ctx, isabel, func(now slacktest.Message) bool { return now.TS == m.TS && !shows(now) })
	}
	if err != nil {
		return fmt.Errorf("the credentials were not cleared: %w", err)
	}
	s.scene(s.lang.directChanges, picture(m))
	return nil
}

// judge looks at what the strict doubles have to say of it all.
func (s *stage) judge() error {
	if v := s.slack.Violations(); len(v) > 0 {
		return fmt.Errorf("rules of Slack's were broken: %s", strings.Join(v, "; "))
	}
	password, _ := s.api.Password(cluster, "isabel")
	for _, n := range s.slack.Person(isabel).Notifications() {
		if strings.Contains(n.Mobile+n.Desktop, password) {
			return errors.New("a notification showed the password")
		}
	}
	if n := s.api.AddUserEffects(cluster, "isabel"); n != 1 {
		return fmt.Errorf("the account was made %d times", n)
	}
	s.say(s.lang.end)
	return nil
}

func (s *stage) say(text string) { fmt.Fprintln(s.out, text) }

// scene writes down what somebody does or sees, with names in the place of ids.
func (s *stage) scene(heading, text string) {
	text = strings.NewReplacer("<@"+isabel+">", "@Isabel", "<@"+anna+">", "@Anna", "<#"+channel+">", "#hpc-approvals", "\n", "\n   ").Replace(text)
	s.say("── " + heading + "\n   " + text + "\n")
}

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
