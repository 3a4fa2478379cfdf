package view

import "github.com/slack-go/slack"

// NoticeModal says something in place of a form that was submitted. It has no button but the one that closes
// it.
func (v View) NoticeModal(m Message) slack.ModalViewRequest {
	var blocks []slack.Block
	for _, b := range m.Blocks {
		if b.BlockType() != slack.MBTAction {
			blocks = append(blocks, b)
		}
	}
	return v.modal(v.words().Form.NoticeTitle, blocks)
}

func (v View) modal(title phrase, blocks []slack.Block) slack.ModalViewRequest {
	return slack.ModalViewRequest{
		Type:   slack.VTModal,
		Title:  plainText(string(title), modalTitleMaxLength),
		Close:  plainText(string(v.words().Form.Close), modalTitleMaxLength),
		Blocks: slack.Blocks{BlockSet: blocks},
	}
}
