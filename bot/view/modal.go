package view

import "github.com/slack-go/slack"

// NoticeModal says something in place of a form that was submitted, or of what was said there before.
func (v View) NoticeModal(m Message) slack.ModalViewRequest {
	return v.modal(v.texts().Form.NoticeTitle, m.Blocks...)
}

func (v View) modal(title phrase, blocks ...slack.Block) slack.ModalViewRequest {
	return slack.ModalViewRequest{
		Type:   slack.VTModal,
		Title:  title.plainText(modalTitleMaxLength),
		Close:  v.texts().Form.Close.plainText(modalTitleMaxLength),
		Blocks: slack.Blocks{BlockSet: blocks},
	}
}

// form is a modal that can be submitted. Slack tells which one it was by its callback id.
func (v View) form(callback string, title, submit phrase, blocks ...slack.Block) slack.ModalViewRequest {
	m := v.modal(title, blocks...)
	m.CallbackID = callback
	m.Submit = submit.plainText(modalTitleMaxLength)
	m.Close = v.texts().Form.Cancel.plainText(modalTitleMaxLength)
	return m
}
