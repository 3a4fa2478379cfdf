package slacktest

// richTextSchema is docs.slack.dev/reference/block-kit/blocks/rich-text-block.
func richTextSchema() schema {
	return schema{"elements!": array(1, 1000, kinds(richTextPart,
		"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"))}
}

func richTextPart(kind string) schema {
	border := schema{"border": integer(0, 1)}
	switch kind {
	case "rich_text_list":
		return border.with(schema{
			"style!":    oneOf("bullet", "ordered"),
			"elements!": array(1, 1000, kinds(richTextPart, "rich_text_section")),
			"indent":    integer(0, 8),
			"offset":    integer(0, 100_000),
		})
	case "rich_text_preformatted":
		return border.with(schema{"elements!": array(0, 1000, kinds(inlineSchema, "text", "link")), "language": chars(1, 255)})
	case "rich_text_quote":
		return border.with(schema{"elements!": inline()})
	}
	return schema{"elements!": inline()}
}

func inline() rule {
	return array(0, 1000, kinds(inlineSchema,
		"text", "link", "emoji", "user", "channel", "usergroup", "broadcast", "color", "date", "team"))
}

func inlineSchema(kind string) schema {
	s := schema{"style": fields(schema{
		"bold": boolean, "italic": boolean, "strike": boolean, "code": boolean, "underline": boolean,
		"highlight": boolean, "client_highlight": boolean, "unlink": boolean,
	})}
	switch kind {
	case "text":
		return s.with(schema{"text!": chars(1, maxMessageText)})
	case "link":
		return s.with(schema{"url!": link, "text": chars(0, maxMessageText), "unsafe": boolean})
	case "emoji":
		return s.with(schema{"name!": chars(1, 255), "unicode": chars(0, 255), "skin_tone": integer(0, 6)})
	case "user":
		return s.with(schema{"user_id!": chars(1, 255)})
	case "channel":
		return s.with(schema{"channel_id!": chars(1, 255)})
	case "usergroup":
		return s.with(schema{"usergroup_id!": chars(1, 255)})
	case "team":
		return s.with(schema{"team_id!": chars(1, 255)})
	case "broadcast":
		return s.with(schema{"range!": oneOf("here", "channel", "everyone")})
	case "color":
		return s.with(schema{"value!": chars(1, 255)})
	}
	return s.with(schema{ // date
		"timestamp!": integer(0, 1<<40), "format!": chars(1, 255), "url": link, "fallback": chars(0, 1000),
	})
}
