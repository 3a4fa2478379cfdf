// Package username derives usernames of clusters from what Slack says of a person.
package username

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/mozillazg/go-pinyin"
	"github.com/slack-go/slack"
	"golang.org/x/text/unicode/norm"

	"ehpcbot/ehpc"
)

// minLength is the shortest username that is suggested. Shorter ones are taken soon, and say little.
const minLength = 3

// Stems returns usernames that fit a person, the best first: lower-case letters and digits that begin with a letter. A
// Chinese name goes before the others, since it is what colleagues look for. Whether they can be had is not decided here.
func Stems(user slack.User) []string {
	local, _, _ := strings.Cut(user.Profile.Email, "@")
	names := []string{user.Profile.DisplayName, user.Profile.RealName, user.RealName, user.Name}
	var stems []string
	for _, name := range names {
		stems = append(stems, fromChinese(name))
	}
	for _, name := range []string{local, user.Name, user.Profile.DisplayName, user.RealName} {
		stems = append(stems, fromLatin(name))
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(stems, func(stem string) bool {
		again := seen[stem]
		seen[stem] = true
		return again || len(stem) < minLength
	})
}

// fromLatin takes all of a name if it fits, else the first of its words that is long enough, else the beginning.
func fromLatin(name string) string {
	words := strings.Fields(plain(name))
	all := strings.Join(words, "")
	if len(all) <= ehpc.UsernameMaxLength {
		return fit(all)
	}
	for _, word := range words {
		if word = fit(word); len(word) >= minLength {
			return word
		}
	}
	return fit(all)
}

// plain keeps the letters and digits that a username may have, in lower case and without accents; all else parts words.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return ' '
	}, norm.NFD.String(undivided.Replace(strings.ToLower(name))))
}

// undivided are letters that Unicode does not take apart, and apostrophes, which part no words.
var undivided = strings.NewReplacer("ß", "ss", "ø", "o", "æ", "ae", "œ", "oe", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ı", "i", "'", "", "’", "")

// fit cuts a name to what a username is: a letter first, and not too long.
func fit(name string) string {
	name = strings.TrimLeft(name, "0123456789")
	return name[:min(len(name), ehpc.UsernameMaxLength)]
}

// chinese is a name in Chinese characters, of two to four; more is a title, or a whole sentence.
var chinese = regexp.MustCompile(`(?:^|\P{Han})(\p{Han}{2,4})(?:\P{Han}|$)`)

// fromChinese writes a Chinese name as its surname and the initials of the given name; anything else is empty.
func fromChinese(name string) string {
	found := chinese.FindStringSubmatch(name)
	if found == nil {
		return ""
	}
	surname, given := split([]rune(found[1]))
	for _, r := range given {
		spelling := spelt(r)
		surname += spelling[:min(1, len(spelling))]
	}
	return fit(surname)
}

// split spells the surname, and returns what follows it.
func split(chars []rune) (surname string, given []rune) {
	if spelling, known := surnames[string(chars[:2])]; known && len(chars) > 2 {
		return spelling, chars[2:]
	}
	if spelling, known := surnames[string(chars[:1])]; known {
		return spelling, chars[1:]
	}
	return spelt(chars[0]), chars[1:]
}

// spelt is a character in pinyin, without its tone; empty where that is not known.
func spelt(r rune) string {
	if found := pinyin.SinglePinyin(r, pinyin.NewArgs()); len(found) > 0 {
		return found[0]
	}
	return ""
}

// surnames are those of two characters, and those that are read otherwise than their character usually is.
var surnames = map[string]string{
	"欧阳": "ouyang", "司马": "sima", "诸葛": "zhuge", "上官": "shangguan", "东方": "dongfang", "皇甫": "huangfu", "尉迟": "yuchi",
	"公孙": "gongsun", "慕容": "murong", "司徒": "situ", "令狐": "linghu", "长孙": "zhangsun", "宇文": "yuwen", "夏侯": "xiahou",
	"轩辕": "xuanyuan", "端木": "duanmu", "南宫": "nangong", "独孤": "dugu", "申屠": "shentu", "淳于": "chunyu", "澹台": "tantai",
	"万俟": "moqi", "闻人": "wenren", "呼延": "huyan", "西门": "ximen", "司空": "sikong", "濮阳": "puyang",
	"歐陽": "ouyang", "司馬": "sima", "諸葛": "zhuge", "東方": "dongfang", "尉遲": "yuchi", "公孫": "gongsun", "長孫": "zhangsun",
	"曾": "zeng", "翟": "zhai", "卜": "bu", "查": "zha", "单": "shan", "單": "shan", "解": "xie", "缪": "miao", "繆": "miao",
	"仇": "qiu", "种": "chong", "区": "ou", "區": "ou", "朴": "piao", "盖": "ge", "蓋": "ge", "乐": "yue", "樂": "yue", "员": "yun",
	"薄": "bo",
}
