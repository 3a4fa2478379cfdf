package view

import (
	"slices"

	"github.com/slack-go/slack"
)

// NoticeModal says something in place of a form that was submitted. It has no button but the one that closes it.
func (v View) NoticeModal(m Message) slack.ModalViewRequest {
	isButtons := func(b slack.Block) bool { return b.BlockType() == slack.MBTAction }
	return v.modal(v.words().Form.NoticeTitle, slices.DeleteFunc(slices.Clone(m.Blocks), isButtons)...)
}

func (v View) modal(title phrase, blocks ...slack.Block) slack.ModalViewRequest {
	return slack.ModalViewRequest{
		Type:   slack.VTModal,
		Title:  label(title, modalTitleMaxLength),
		Close:  label(v.words().Form.Close, modalTitleMaxLength),
		Blocks: slack.Blocks{BlockSet: blocks},
	}
}

// form is a modal that can be submitted. Slack tells which one it was by its callback id.
func (v View) form(callback string, title, submit phrase, blocks ...slack.Block) slack.ModalViewRequest {
	m := v.modal(title, blocks...)
	m.CallbackID = callback
	m.Submit = label(submit, modalTitleMaxLength)
	m.Close = label(v.words().Form.Cancel, modalTitleMaxLength)
	return m
}
