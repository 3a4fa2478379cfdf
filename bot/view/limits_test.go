package view

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ehpcbot/approval"
	"ehpcbot/bot/command"
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/secret"
)

func TestEveryMessageIsAccepted(t *testing.T) {
	t.Parallel()
	for _, locale := range []Locale{English, Chinese} {
		for name, m := range messages(testView(locale)) {
			require.Empty(t, checkMessage(m), "%s %s", locale, name)
			require.Contains(t, types(m), slack.MBTRichText, "%s %s: an update needs rich_text", locale, name)
			require.NotContains(t, strings.ReplaceAll(plainMessage(m), "{id}", ""), "{", "%s %s: a placeholder is left", locale, name)
		}
		for name, m := range modals(testView(locale)) {
			if name != "form-ask-many-clusters" { // its clusters are empty, only their number counts
				require.Empty(t, checkModal(m), "%s %s", locale, name)
			}
		}
	}
}

func types(m Message) []slack.MessageBlockType {
	var all []slack.MessageBlockType
	for _, b := range m.Blocks {
		all = append(all, b.BlockType())
	}
	return all
}

// Whatever is stored, typed or configured, Slack accepts what is made of it.
func TestLimitsHoldForAnyStory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := View{
			Locale: rapid.SampledFrom([]Locale{English, Chinese, ""}).Draw(t, "locale"), Command: "/ehpc-adduser",
			Reader: people.Draw(t, "reader"),
		}
		s := stories.Draw(t, "story")
		r := anyRefusal(s).Draw(t, "refusal")
		for _, m := range []Message{
			v.Approval(s), v.Reminder(s), v.DailyReminder(s), v.AskFallback(s), v.Turn(s), v.Nudge(s), v.RemindDone(s),
			v.Asked(s), v.alreadyAsked(s), v.CancelDone(s), v.Status(s), v.Notice(s),
			v.CredentialsReady(s), v.Credentials(s, secret.New(testPassword)), v.CredentialsCleared(s), v.CredentialsOffer(s),
			v.AskSponsor(s), v.SponsorOver(s), v.Sponsored(s),
			v.Prompt(s), v.Unopened(s), v.Reported(s), v.Report(s, anyTrouble.Draw(t, "trouble"), anyFacts.Draw(t, "facts")),
			v.List(rapid.SliceOfN(stories, 0, 12).Draw(t, "stories")), v.Refusal(r),
			v.SeveralDone(slices.Repeat(append(outcomes(), Outcome{ID: s.ID, Refusal: r}), 6)),
			v.CommandFault(&command.Fault{
				Kind:  rapid.SampledFrom(command.Kinds()).Draw(t, "fault"),
				Token: typed(command.TokenMaxLength).Draw(t, "token"), Verb: command.Ask,
			}),
		} {
			require.Empty(t, checkMessage(m))
			require.Equal(t, slack.MBTRichText, m.Blocks[0].BlockType())
		}
		digest := v.Digest(approval.Digest{Waiting: slices.Repeat([]approval.Story{s}, approval.SeveralMax), Count: 1000, Now: moments.Draw(t, "now")})
		require.Empty(t, slices.DeleteFunc(checkMessage(digest), func(fault string) bool {
			return strings.HasPrefix(fault, "acknowledgement") // it is never in one
		}))
		conf := configs.Draw(t, "config")
		for _, m := range []slack.ModalViewRequest{
			v.AskForm(conf, approval.Ask{Username: s.Username, Cluster: s.ClusterID, Mod: s.Mod, Reason: s.Reason, Until: s.Until, Sponsor: s.Sponsor}),
			v.DenyForm(s), v.SeveralForm(slices.Repeat([]approval.Story{s}, 60), s.CreatedAt), v.TroubleForm(s),
			v.NoticeModal(v.Asked(s)), v.NoticeModal(v.Approval(s)), v.CredentialsModal(s, secret.New(testPassword)),
		} {
			require.Empty(t, checkModal(m))
		}
		for block, sentence := range v.FieldFaults([]*approval.Refusal{r}) {
			require.Contains(t, []string{blockUsername, blockCluster, blockMod, blockUntil, blockReason, blockSponsor}, block)
			require.NotEmpty(t, sentence)
			require.LessOrEqual(t, len([]rune(sentence)), fieldFaultMaxLength)
		}
	})
}

// typed generates what people type: anything, and often the worst.
func typed(limit int) *rapid.Generator[string] {
	worst := rapid.Custom(func(t *rapid.T) string {
		return strings.Repeat(rapid.SampledFrom([]string{"&", "<", "设", "👩‍🔬", "\n", "a\n\n", "\u202e", "*", "{id}", "\xff", "<!channel>"}).Draw(t, "piece"), limit)
	})
	return rapid.Map(rapid.OneOf(rapid.String(), worst, rapid.Just("")), func(s string) string {
		return string([]rune(s)[:min(limit, len([]rune(s)))])
	})
}

var people = rapid.OneOf(rapid.StringMatching(`[UW][A-Z0-9]{8,10}`), rapid.SampledFrom([]string{"", "ehpcbot", "<!here>"}))

var deciders = rapid.StringMatching(`[UWS][A-Z0-9]{1,12}`)

var moments = rapid.Map(rapid.Int64Range(0, 4_000_000_000), func(s int64) time.Time { return time.Unix(s, 0) })

var stories = rapid.Custom(func(t *rapid.T) approval.Story {
	s := approval.Story{
		Request: approval.Request{
			ID: rapid.Int64Min(1).Draw(t, "id"), ClusterID: typed(200).Draw(t, "cluster id"), Username: typed(200).Draw(t, "username"),
			Mod: typed(10).Draw(t, "mod"), Reason: typed(500).Draw(t, "reason"), Until: typed(20).Draw(t, "until"), Requester: people.Draw(t, "requester"),
			State: rapid.SampledFrom(approval.States()).Draw(t, "state"), Version: rapid.Int64Min(1).Draw(t, "version"),
			Required: rapid.IntRange(0, 100).Draw(t, "required"), Reset: rapid.Bool().Draw(t, "reset"), CreatedAt: moments.Draw(t, "created"),
			ExpiresAt: moments.Draw(t, "expires"), CredentialsUntil: moments.Draw(t, "until"),
			Failure:       rapid.SampledFrom(slices.Concat(failures, resetFailures, []approval.Failure{"", approval.WaitingAPI, approval.WaitingDelivery})).Draw(t, "failure"),
			FailureDetail: typed(2000).Draw(t, "detail"),
			DeliveredAt:   moments.Draw(t, "delivered"), ShownAt: moments.Draw(t, "shown"),
			Sponsor: people.Draw(t, "sponsor"), SponsoredAt: rapid.OneOf(rapid.Just(time.Time{}), moments).Draw(t, "sponsored"),
		},
		Cluster: approval.Cluster{ID: typed(200).Draw(t, "configured id"), Name: typed(200).Draw(t, "name")},
		Rules: approval.Rules{
			Channel:   rapid.SampledFrom([]string{"C0APPROVE", "", "<!channel>"}).Draw(t, "channel"),
			Approvers: rapid.SliceOfN(deciders, 0, 30).Draw(t, "approvers"), LoginHint: typed(200).Draw(t, "hint"),
			AllowedMods: rapid.SliceOfN(rapid.StringMatching(`[0-7]{3}`), 0, 120).Draw(t, "mods"),
		},
		Fallback: rapid.SliceOfN(deciders, 0, 12).Draw(t, "fallback"), RemindAt: moments.Draw(t, "reminder"),
	}
	for range rapid.IntRange(0, 15).Draw(t, "decisions") {
		s.Decisions = append(s.Decisions, approval.Decision{
			Person: people.Draw(t, "person"), Verdict: rapid.SampledFrom([]approval.Verdict{approval.Approve, approval.Deny}).Draw(t, "verdict"),
			Reason: typed(500).Draw(t, "denial"), At: moments.Draw(t, "at"),
		})
	}
	return s
})

var refusalKinds = []approval.Kind{
	approval.KindUsername, approval.KindReserved, approval.KindCluster, approval.KindMod, approval.KindReasonTooLong,
	approval.KindActive, approval.KindTooMany, approval.KindUnknown, approval.KindNotYours, approval.KindNotApprover,
	approval.KindSelf, approval.KindVoted, approval.KindDecided, approval.KindNoRetry, approval.KindNoAnswer,
	approval.KindDigits, approval.KindPattern, approval.KindTwin, approval.KindFormer, approval.KindStale,
	approval.KindGone, approval.KindUntold, approval.KindNotAllowed, approval.KindUnexempt, approval.KindNotStuck,
	approval.KindTaken, approval.KindUntil, approval.KindPolicy, approval.KindReminded,
	approval.KindNoAccount, approval.KindUnproven, approval.KindTooManyResets,
	approval.KindNothingSaid, approval.KindTooLong, approval.KindAnswered, approval.KindTooLate,
	approval.KindSponsor, approval.KindSponsorSelf, approval.KindSponsorGone, approval.KindSponsorFirst, approval.KindSponsored,
	approval.KindOver, approval.KindNoKey, approval.KindDamaged, approval.KindUnopened, approval.KindTooOften, approval.KindTypedPassword,
}

func anyRefusal(s approval.Story) *rapid.Generator[*approval.Refusal] {
	return rapid.Custom(func(t *rapid.T) *approval.Refusal {
		return &approval.Refusal{
			Kind:  rapid.SampledFrom(append(refusalKinds, "unheard_of")).Draw(t, "kind"),
			Value: typed(200).Draw(t, "value"), Right: rapid.SliceOfN(typed(64), 0, 120).Draw(t, "right"), Limit: 5, Free: typed(20).Draw(t, "free"),
			Rule:  &ehpc.RuleError{Rule: rapid.SampledFrom([]ehpc.Rule{ehpc.RuleEmpty, ehpc.RuleTooLong, ehpc.RuleCharacter, ehpc.RuleForm}).Draw(t, "rule"), Rune: rapid.Rune().Draw(t, "rune")},
			Story: s,
		}
	})
}

var anyTrouble = rapid.Custom(func(t *rapid.T) approval.Trouble {
	sees := rapid.SampledFrom(append(approval.AllSees(), "unheard of")).Draw(t, "sees")
	return approval.Trouble{Number: 1, Sees: sees, Words: typed(2000).Draw(t, "words")}
})

var anyFacts = rapid.Custom(func(t *rapid.T) approval.Facts {
	return approval.Facts{
		Status: typed(500).Draw(t, "status"), Logins: rapid.SliceOfN(typed(64), 0, 40).Draw(t, "logins"), LoginsKnown: rapid.Bool().Draw(t, "logins known"),
		Listed: rapid.Bool().Draw(t, "listed"), ListedKnown: rapid.Bool().Draw(t, "listed known"),
	}
})

var configs = rapid.Custom(func(t *rapid.T) approval.Config {
	return approval.Config{
		Clusters: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) approval.Cluster {
			return approval.Cluster{ID: rapid.StringMatching(`[a-z]{1,8}-[a-z0-9]{1,40}`).Draw(t, "id"), Name: typed(200).Draw(t, "name")}
		}), 1, 110).Draw(t, "clusters"),
		Rules: approval.Rules{
			AllowedMods: rapid.SliceOfN(rapid.StringMatching(`[0-7]{3}`), 0, 120).Draw(t, "mods"), Sponsored: rapid.Bool().Draw(t, "sponsored"),
		},
		Use: rapid.SampledFrom([]approval.UsePolicy{{}, testPolicy}).Draw(t, "policy"),
	}
})

// Slack sends an acknowledgement of 20,480 bytes or more nowhere, and says nothing of it.
func TestLongestMessages(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"&", "<", "设", "👩‍🔬", "\n\n"} {
		long := string([]rune(strings.Repeat(piece, 500))[:500])
		for _, state := range approval.States() {
			s := story(state, func(s *approval.Story) {
				s.Reason, s.FailureDetail, s.Required = long, long, 20
				s.Decisions = decisions(approval.Approve, strings.Fields(strings.Repeat("U0123456789 ", 20))...)
				s.Decisions = append(s.Decisions, approval.Decision{Person: "U0DORA", Verdict: approval.Deny, Reason: long})
				s.Cluster.Name = strings.Repeat("集", 200)
			})
			for _, locale := range []Locale{English, Chinese} {
				v := testView(locale)
				for _, m := range []Message{v.Approval(s), v.Status(s), v.Notice(s), v.Asked(s), v.alreadyAsked(s)} {
					require.Empty(t, checkMessage(m))
				}
			}
		}
	}
}
