package slacktest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"ehpcbot/bot/slacktest"
)

// A bot that greets whoever asks for it, and a person who does.
func Example() {
	workspace := slacktest.NewServer()
	defer workspace.Close()
	workspace.AddUser(slacktest.User{ID: "U1", Name: "isabel"})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	api := slack.New(slacktest.BotToken, slack.OptionAppLevelToken(slacktest.AppToken), slack.OptionAPIURL(workspace.APIURL()))
	bot := socketmode.New(api)
	greet := func(c slack.SlashCommand, request socketmode.Request) {
		_, _, _ = api.PostMessage(c.UserID, slack.MsgOptionText("Hello <@"+c.UserID+">!", false))
		_ = bot.Ack(request, map[string]string{"text": "Look at your messages."})
	}
	var running sync.WaitGroup
	running.Go(func() { _ = bot.RunContext(ctx) })
	running.Go(func() {
		for {
			select {
			case e := <-bot.Events:
				if c, isCommand := e.Data.(slack.SlashCommand); isCommand {
					greet(c, *e.Request)
				}
			case <-ctx.Done():
				return
			}
		}
	})
	_ = workspace.WaitConnections(ctx, 1)

	isabel := workspace.Person("U1")
	reply := isabel.Command(ctx, "/greet", "me")
	fmt.Println(reply.Plain(), reply.Err)
	fmt.Println(isabel.DirectMessages()[0].Plain())
	tooLong := slack.NewHeaderBlock(slack.NewTextBlockObject("plain_text", strings.Repeat("x", 151), false, false))
	_, _, err := api.PostMessage("U1", slack.MsgOptionText("x", false), slack.MsgOptionBlocks(tooLong))
	fmt.Println(err)
	fmt.Println(workspace.Violations())

	cancel()
	running.Wait()
	// Output:
	// Look at your messages. <nil>
	// Hello <@U1>!
	// invalid_blocks
	// [chat.postMessage: invalid_blocks: must be less than 151 characters [json-pointer:/blocks/0/text/text]]
}
