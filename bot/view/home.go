package view

import (
	"slices"
	"strconv"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
)

// CallbackShortcut is the callback id of the shortcut that opens the form of [View.AskForm].
const CallbackShortcut = "ask"

// ActionAsk is the action id of the button that opens the form. It names no request.
const ActionAsk = "ask"

// HomeMost is how many items of each list the Home tab has room for.
const HomeMost = 10

// homeMaxBlocks is how many blocks Slack takes: https://docs.slack.dev/reference/views/home-tab-views
const homeMaxBlocks = 100

// homeTexts are those of the Home tab.
type homeTexts struct {
	Title, Ask phrase // without fields and marks, as all headings
	Intro      phrase
	Unsure     phrase

	Waiting     phrase // heading
	NoneWaiting phrase
	MoreWaiting phrase // {count}

	Requests, NoRequests   phrase // heading
	Request                phrase
	Cancel                 phrase // button
	CancelTitle, CancelNow phrase // of the dialog that asks once more
	CancelText             phrase

	Accounts     phrase // heading
	Account      phrase
	MoreAccounts phrase // {count}

	State          phrase // heading
	Well, Unwell   phrase // {part}
	Counts         phrase // {waiting}, {underWay}, {failed}
	Parts          map[string]phrase
	FailedRequests phrase
}

// Health is how a part of the bot is.
type Health struct {
	Part  string // slack, ehpc or database
	Fault string // empty: it is well
}

// Home is the Home tab of the reader: what concerns them, with what they can do about it.
func (v View) Home(o approval.Overview, health []Health) slack.HomeTabViewRequest {
	opening, own, state := v.homeOpening(o), v.homeOwn(o), v.homeState(o, health)
	waiting := v.homeWaiting(o, homeMaxBlocks-len(opening)-len(own)-len(state))
	return home(opening, waiting, own, state)
}

// HomeNotice is the Home tab of somebody who is told one thing alone.
func (v View) HomeNotice(m Message) slack.HomeTabViewRequest {
	return home([]slack.Block{heading(v.texts().Home.Title)}, m.Blocks)
}

func home(sections ...[]slack.Block) slack.HomeTabViewRequest {
	tab := slack.HomeTabViewRequest{Type: slack.VTHomeTab}
	for _, blocks := range sections {
		tab.Blocks.BlockSet = append(tab.Blocks.BlockSet, blocks...)
	}
	return tab
}

func heading(p phrase) slack.Block { return slack.NewHeaderBlock(p.plainText(headerMaxLength)) }

// homeOpening says what one can do here.
func (v View) homeOpening(o approval.Overview) []slack.Block {
	b := v.answer(approval.Story{})
	t := b.texts.Home
	b.line(t.Intro)
	if o.Unsure != nil {
		b.line(t.Unsure)
	}
	ask := slack.NewButtonBlockElement(ActionAsk, "", t.Ask.plainText(buttonMaxLength)).WithStyle(slack.StylePrimary)
	ask.AccessibilityLabel = string(t.Ask)
	return append([]slack.Block{heading(t.Title)}, append(b.message().Blocks, slack.NewActionBlock("ask", ask))...)
}

// homeWaiting shows an approver what waits, as far as there is room for it.
func (v View) homeWaiting(o approval.Overview, room int) []slack.Block {
	if !o.Decides {
		return nil
	}
	t := v.texts().Home
	blocks := []slack.Block{heading(t.Waiting)}
	more := o.Waiting.More
	if len(o.Waiting.Stories)+more > 1 {
		several := slack.NewButtonBlockElement(ActionSeveral, "", v.texts().Several.Button.plainText(buttonMaxLength))
		several.AccessibilityLabel = string(v.texts().Spoken[ActionSeveral])
		blocks = append(blocks, slack.NewActionBlock("several", several))
	}
	for _, s := range o.Waiting.Stories {
		card := v.homeCard(s, o.Barred[s.ID])
		if len(blocks)+len(card) >= room { // one is kept for what says how many more there are
			more++
			continue
		}
		blocks = append(blocks, card...)
	}
	switch {
	case more > 0:
		blocks = append(blocks, v.counted(t.MoreWaiting, more)...)
	case len(o.Waiting.Stories) == 0:
		blocks = append(blocks, v.sentences(t.NoneWaiting).Blocks...)
	}
	return blocks
}

// homeCard is the message for the approvers, with its buttons unless something bars the reader from using them.
func (v View) homeCard(s approval.Story, barred approval.Kind) []slack.Block {
	card := v.Approval(s).Blocks
	if barred == "" {
		return card
	}
	b := v.about(s, "barred")
	b.line(v.refusal(&approval.Refusal{Kind: barred, Story: s}))
	return append(withoutButtons(card), b.richTextBlock())
}

// homeOwn shows the reader's requests and accounts.
func (v View) homeOwn(o approval.Overview) []slack.Block {
	t := v.texts().Home
	blocks := []slack.Block{heading(t.Requests)}
	for _, s := range o.Requests.Stories {
		blocks = append(blocks, v.homeRequest(s)...)
	}
	switch {
	case o.Requests.More > 0:
		blocks = append(blocks, v.counted(v.texts().Answer.ListMore, o.Requests.More)...)
	case len(o.Requests.Stories) == 0:
		blocks = append(blocks, v.sentences(t.NoRequests).Blocks...)
	}
	if len(o.Accounts.Stories) == 0 {
		return blocks
	}
	blocks = append(blocks, heading(t.Accounts))
	for _, s := range o.Accounts.Stories {
		blocks = append(blocks, v.homeAccount(s)...)
	}
	if o.Accounts.More > 0 {
		blocks = append(blocks, v.counted(t.MoreAccounts, o.Accounts.More)...)
	}
	return blocks
}

// homeRequest is one of the reader's requests: how it stands, and what can be done about it.
func (v View) homeRequest(s approval.Story) []slack.Block {
	b := v.about(s, "own")
	b.line(b.texts.Home.Request)
	b.item(b.texts.Answer.AskedAt)
	if s.Version > 1 {
		b.item(b.texts.Answer.ChangedAt)
	}
	switch s.State {
	case approval.Pending:
		b.turn()
		b.approvals()
		b.line(b.texts.Answer.AskedUntil)
		b.remindButton()
		b.cancelButton()
	case approval.Denied:
		b.denial(b.texts.Request.DeniedFor, b.texts.Request.DeniedBy)
	case approval.Failed:
		failed := b.texts.failure(s.Failure)
		b.line(failed.Why, failed.Requester)
	default:
		b.waiting()
	}
	return b.message().Blocks
}

func (b *builder) cancelButton() {
	t := b.texts.Home
	dialog := slack.NewConfirmationBlockObject(
		plainText(t.CancelTitle.fill(b.fields).plain(), confirmTitleMaxLength),
		plainText(t.CancelText.fill(b.fields).plain(), confirmTextMaxLength),
		t.CancelNow.plainText(confirmButtonMaxLength),
		b.texts.Approval.Back.plainText(confirmButtonMaxLength),
	)
	b.button(ActionCancel, t.Cancel, slack.StyleDefault).WithConfirm(dialog.WithStyle(slack.StyleDanger))
}

// homeAccount is one of the reader's accounts, and how to log in.
func (v View) homeAccount(s approval.Story) []slack.Block {
	b := v.about(s, "account")
	b.line(b.texts.Home.Account)
	b.login()
	b.resetButton()
	return b.message().Blocks
}

// homeState shows an administrator how the bot is.
func (v View) homeState(o approval.Overview, health []Health) []slack.Block {
	if !o.Administrator {
		return nil
	}
	b := v.answer(approval.Story{})
	t := b.texts.Home
	for _, h := range health {
		b.fields["part"] = t.Parts[h.Part].fill(nil)
		if h.Fault == "" {
			b.line(t.Well)
			continue
		}
		b.quote(t.Unwell, "", h.Fault, detailMaxLength)
	}
	b.fields["waiting"] = text(strconv.Itoa(o.Counts.Waiting))
	b.fields["underWay"] = text(strconv.Itoa(o.Counts.UnderWay))
	b.fields["failed"] = text(strconv.Itoa(o.Counts.Failed))
	b.line(t.Counts)
	if o.Counts.Failed > 0 {
		b.line(t.FailedRequests)
	}
	return append([]slack.Block{heading(t.State)}, b.message().Blocks...)
}

// counted says how many more there are of something.
func (v View) counted(p phrase, n int) []slack.Block {
	b := v.answer(approval.Story{})
	b.fields["count"] = text(strconv.Itoa(n))
	b.line(p)
	return b.message().Blocks
}

func withoutButtons(blocks []slack.Block) []slack.Block {
	isButtons := func(b slack.Block) bool { return b.BlockType() == slack.MBTAction }
	return slices.DeleteFunc(slices.Clone(blocks), isButtons)
}
