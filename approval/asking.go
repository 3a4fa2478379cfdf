package approval

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"
)

// Ask stores a request. It returns [Refusals] where rules speak against it: all that can be told at once. A repetition of
// what is asked for already is one of [KindActive], with the request that it repeats.
func (s *Service) Ask(ctx context.Context, a Ask) (Story, error) {
	return underOneRule(func() (Story, error) { return s.askOnce(ctx, a) })
}

// errReplaced says that other rules hold than those by which something was looked at.
var errReplaced = errors.New("the rules were replaced meanwhile")

// underOneRule does something again whose rules were replaced while people and the cluster were asked about it.
func underOneRule(do func() (Story, error)) (Story, error) {
	for {
		if story, err := do(); !errors.Is(err, errReplaced) {
			return story, err
		}
	}
}

func (s *Service) askOnce(ctx context.Context, a Ask) (Story, error) {
	who := s.people.Identify(ctx, a.Requester)
	cluster, _ := s.conf.Cluster(a.Cluster)
	a.Requester, a.kept = who.ID, s.conf.keep(cluster.ID)
	a.exempt, a.Sponsor = s.exemptBy(ctx, a, who), s.sponsorOf(ctx, a)
	refusals, seen, err := s.examine(ctx, a, who)
	if err != nil {
		return Story{}, err
	}
	var story Story
	if len(refusals) == 0 {
		err = s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
			story, err = s.ask(ctx, tx, a, who)
			return err
		})
		refusals = AllRefused(err)
	}
	if len(refusals) > 0 {
		s.unrecorded(s.recordRefusedAsk(ctx, a, refusals[0]))
		return Story{}, refusals
	}
	story.Unseen = !seen
	return story, err
}

// examine returns all that speaks against an ask as things stand. seen says that the cluster has told whether it has the
// username.
func (s *Service) examine(ctx context.Context, a Ask, who Person) (refusals Refusals, seen bool, err error) {
	if a.Reset {
		return s.conf.Check(a), true, nil
	}
	if accepted, err := s.Accepted(ctx, a); err != nil || !accepted {
		return Refusals{{Kind: KindPolicy, Value: a.Policy}}, false, err // before all else
	}
	refusals = s.conf.Check(a)
	if r := s.checkUntil(a.Until); r != nil {
		refusals = append(refusals, r)
	}
	sponsor := s.checkSponsor(ctx, a, who)
	cluster, known := s.conf.Cluster(a.Cluster)
	rule := s.conf.checkUsername(a.Username)
	if !known || rule != nil && rule.Kind != KindReserved {
		return append(refusals, sponsor...), false, nil
	}
	name, seen, err := s.examineUsername(ctx, a, who, cluster)
	switch {
	case name == nil:
	case rule != nil: // it is among them already
		refusals[slices.IndexFunc(refusals, func(r *Refusal) bool { return r.Kind == KindReserved })] = name
	default:
		refusals = append(refusals, name)
	}
	return append(refusals, sponsor...), seen, err
}

// exemptBy returns the group for whose sake what somebody asks for needs no approval, if there is one.
func (s *Service) exemptBy(ctx context.Context, a Ask, who Person) (group string) {
	if a.Reset && !s.conf.ResetsDecided {
		return "" // nobody needs one
	}
	cluster, _ := s.conf.Cluster(a.Cluster)
	if group = s.conf.Of(cluster.ID).Exempt; !s.isExempt(ctx, who, group) {
		return ""
	}
	return group
}

// untilYears is for how many years an account can be asked for at the most.
const untilYears = 5

// checkUntil refuses a day that is over, and one so far that it says nothing.
func (s *Service) checkUntil(day string) *Refusal {
	if day == "" {
		return nil
	}
	today := s.now().UTC()
	last := today.AddDate(untilYears, 0, 0).Format(time.DateOnly)
	if _, err := time.Parse(time.DateOnly, day); err != nil || day <= today.Format(time.DateOnly) || day > last {
		return &Refusal{Kind: KindUntil, Value: day, Limit: untilYears}
	}
	return nil
}

// Accepted tells whether an ask accepts the use policy, or its requester has accepted this version before.
func (s *Service) Accepted(ctx context.Context, a Ask) (accepted bool, err error) {
	version := s.conf.Use.Version
	if version == "" || a.Policy == version {
		return true, nil
	}
	who := s.people.Identify(ctx, a.Requester)
	return reading(ctx, s, func(ctx context.Context, tx Tx) (bool, error) { return tx.Accepted(ctx, who, version) })
}

func (s *Service) ask(ctx context.Context, tx Tx, a Ask, who Person) (Story, error) {
	cluster, _ := s.conf.Cluster(a.Cluster)
	if a.kept != s.conf.keep(cluster.ID) {
		return Story{}, errReplaced
	}
	if err := s.admit(ctx, tx, &a, who, cluster); err != nil {
		return Story{}, err
	}
	if a.Policy != s.conf.Use.Version {
		a.Policy = "" // of another version than the one that counts
	}
	now := s.now()
	r := Request{
		ClusterID: cluster.ID, Username: a.Username, Mod: a.Mod, Reason: a.Reason, Until: a.Until, Policy: a.Policy, Requester: a.Requester,
		Kept: a.kept, Exempt: a.exempt,
		Reset: a.Reset, State: Pending, Version: 1,
		CreatedAt: now, UpdatedAt: now, Envelope: a.Envelope, Nonce: rand.Text(),
	}
	r.ExpiresAt = now.Add(s.rules(r).Expiry)
	if r.Required = s.required(r); r.Required == 0 {
		r.State = Approved
	} else {
		r.Sponsor = a.Sponsor
	}
	if err := tx.Insert(ctx, &r); err != nil {
		return Story{}, err
	}
	// Of the same moment as the request, and with all that is asked for: audit verify compares the two.
	asked := Event{At: now.UTC(), RequestID: r.ID, Actor: r.Requester, Action: "ask", To: r.State, Detail: AskedFor(r).String()}
	if err := tx.Append(ctx, asked); err != nil {
		return Story{}, err
	}
	if err := s.enqueue(ctx, tx, r, follows[r.State]...); err != nil {
		return Story{}, err
	}
	return s.story(ctx, tx, r)
}

// recordRefusedAsk writes into the audit log what somebody asked for in vain. Who asks for the same again, or whose
// messenger repeats it, is refused nothing; nor is who is shown the form first, for the use policy or a sponsor.
func (s *Service) recordRefusedAsk(ctx context.Context, a Ask, refusal *Refusal) error {
	rival := refusal.Story.Request
	if refusal.Kind.OpensForm() || rival.ID != 0 && rival.Requester == a.Requester {
		return nil
	}
	var about string
	if asked := a.asked().String(); asked != "" {
		about = " (" + asked + ")"
	}
	return s.recordRefusal(ctx, rival.ID, refused{a.Requester, "ask", string(refusal.Kind)}, about)
}

// unrecorded tells the log of a refusal that could not be written into the audit log. The person is told the same.
func (s *Service) unrecorded(err error) {
	if err != nil {
		s.log.Error("a refusal could not be audited", "error", err)
	}
}

// admit applies the rules that depend on other requests.
func (s *Service) admit(ctx context.Context, tx Tx, a *Ask, who Person, cluster Cluster) error {
	if a.Envelope != "" {
		if same, ok, err := tx.ByEnvelope(ctx, a.Envelope); err != nil {
			return err
		} else if ok {
			return s.refuseFor(ctx, tx, KindActive, same)
		}
	}
	if a.Reset {
		return s.admitReset(ctx, tx, a, who, cluster)
	}
	if err := s.admitUsername(ctx, tx, a.Username, who, cluster); err != nil {
		return err
	}
	n, err := tx.CountActive(ctx, who)
	if err != nil {
		return err
	}
	if n >= s.conf.MaxActive {
		return &Refusal{Kind: KindTooMany, Limit: s.conf.MaxActive}
	}
	return nil
}

// admitUsername refuses a username that another request holds, or that was somebody else's.
func (s *Service) admitUsername(ctx context.Context, tx Tx, username string, who Person, cluster Cluster) error {
	if err := s.refuseFormer(ctx, tx, cluster.ID, username, who); err != nil {
		return err
	}
	rival, ok, err := tx.Active(ctx, cluster.ID, username)
	if err == nil && ok {
		return s.refuseRival(ctx, tx, rival, username)
	}
	return err
}

// refuseFormer refuses a username that was somebody else's, unless it may be given away again.
func (s *Service) refuseFormer(ctx context.Context, tx Tx, clusterID, username string, who Person) error {
	former, err := tx.HadByAnother(ctx, clusterID, username, who)
	if err == nil && former && !isListed(s.conf.Reusable, username) {
		return &Refusal{Kind: KindFormer, Value: username}
	}
	return err
}

// refuseRival refuses a username for the request that holds it, or one that differs by case alone.
func (s *Service) refuseRival(ctx context.Context, tx Tx, rival Request, username string) error {
	err := s.refuseFor(ctx, tx, KindActive, rival)
	if twin := Refused(err); twin != nil && rival.Username != username {
		twin.Kind, twin.Value = KindTwin, username
	}
	return err
}

// refuseFor returns a refusal that tells the story of the request it is about.
func (s *Service) refuseFor(ctx context.Context, tx Tx, kind Kind, r Request) error {
	story, err := s.story(ctx, tx, r)
	if err != nil {
		return err
	}
	return &Refusal{Kind: kind, Story: story}
}
