package sandbox

import (
	"cmp"
	"html/template"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// date shows a time in the form that the message asks for, else as the message would have it.
// https://docs.slack.dev/messaging/formatting-message-text#date-formatting
func (d *drawing) date(e element) template.HTML {
	t := d.time(e.Timestamp)
	known := e.Format != ""
	shown := placeholder.ReplaceAllStringFunc(e.Format, func(name string) string {
		s, ok := d.datePart(strings.Trim(name, "{}"), t)
		known = known && ok
		return s
	})
	if !known {
		shown = cmp.Or(e.Fallback, t.Format(time.RFC3339))
	}
	drawn := tag("time", attrs{"datetime", t.UTC().Format(time.RFC3339), "title", e.Fallback}, text(shown))
	if isAddress(e.URL) {
		return tag("a", attrs{"href", e.URL, "target", "_blank", "rel", "noopener"}, drawn)
	}
	return drawn
}

var placeholder = regexp.MustCompile(`\{\w+\}`)

func (d *drawing) datePart(name string, t time.Time) (shown string, ok bool) {
	texts := d.texts()
	name, pretty := strings.CutSuffix(name, "_pretty")
	if pretty && !d.Now.IsZero() {
		for i, near := range texts.days {
			if t.Format(time.DateOnly) == d.Now.In(t.Location()).AddDate(0, 0, i-1).Format(time.DateOnly) {
				return near, true
			}
		}
	}
	if name == "ago" && !d.Now.IsZero() {
		return texts.distance(t.Sub(d.Now)), true
	}
	layout, ok := texts.layouts[name]
	shown = t.Format(layout)
	if d.Lang == "zh" {
		shown = chineseWeekdays.Replace(shown)
	}
	return shown, ok
}

func (r Reader) time(unix int64) time.Time {
	return time.Unix(unix, 0).In(cmp.Or(r.Location, time.UTC))
}

// texts are what the drawing says itself.
type texts struct {
	unknown      string // the star is the type
	optional     string
	cancel, more string
	days         [3]string // yesterday, today, tomorrow
	ahead, past  string    // of a distance; the star is how far
	units        [3]string // days, hours, minutes
	layouts      map[string]string
}

func (r Reader) texts() texts {
	if r.Lang == "zh" {
		return chinese
	}
	return english
}

// distance says how far from now a time is.
func (t texts) distance(d time.Duration) string {
	said := t.ahead
	if d < 0 {
		d, said = -d, t.past
	}
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if n := int(d.Round(unit) / unit); n > 1 || unit == time.Minute {
			return strings.Replace(said, "*", strconv.Itoa(n)+t.units[i], 1)
		}
	}
	return said
}

var english = texts{
	unknown: "The sandbox cannot draw this: *", optional: " (optional)", cancel: "Cancel", more: "More",
	days: [3]string{"yesterday", "today", "tomorrow"}, ahead: "in *", past: "* ago", units: [3]string{" days", " hours", " minutes"},
	layouts: map[string]string{
		"date": "January 2, 2006", "date_long": "Monday, January 2, 2006", "date_short": "Jan 2, 2006",
		"date_num": time.DateOnly, "time": "3:04 PM", "time_secs": "3:04:05 PM",
	},
}

var chinese = texts{
	unknown: "沙盒无法显示此内容：*", optional: "（可选）", cancel: "取消", more: "更多",
	days: [3]string{"昨天", "今天", "明天"}, ahead: "*后", past: "*前", units: [3]string{" 天", " 小时", " 分钟"},
	layouts: map[string]string{
		"date": "2006年1月2日", "date_long": "2006年1月2日 Monday", "date_short": "2006年1月2日",
		"date_num": time.DateOnly, "time": "15:04", "time_secs": "15:04:05",
	},
}

var chineseWeekdays = strings.NewReplacer("Monday", "星期一", "Tuesday", "星期二", "Wednesday", "星期三",
	"Thursday", "星期四", "Friday", "星期五", "Saturday", "星期六", "Sunday", "星期日")
