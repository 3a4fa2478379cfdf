package approval

import (
	"context"
	"crypto/rand"
)

// Ask stores a request. It returns a *Refusal where a rule speaks against it; a repetition of what is asked
// for already is one of [KindActive], with the request that it repeats.
func (s *Service) Ask(ctx context.Context, a Ask) (Story, error) {
	who := s.people.Identify(ctx, a.Requester)
	a.Requester = who.ID
	if refusals := s.conf.Check(a); len(refusals) > 0 {
		s.unrecorded(s.recordRefusedAsk(ctx, a, refusals[0]))
		return Story{}, refusals[0]
	}
	var story Story
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
		story, err = s.ask(ctx, tx, a, who)
		return err
	})
	if refusal := Refused(err); refusal != nil {
		s.unrecorded(s.recordRefusedAsk(ctx, a, refusal))
		return Story{}, refusal
	}
	return story, err
}

func (s *Service) ask(ctx context.Context, tx Tx, a Ask, who Person) (Story, error) {
	cluster, _ := s.conf.Cluster(a.Cluster)
	if err := s.admit(ctx, tx, &a, who, cluster); err != nil {
		return Story{}, err
	}
	now := s.now()
	r := Request{
		ClusterID: cluster.ID, Username: a.Username, Mod: a.Mod, Reason: a.Reason, Requester: a.Requester, Reset: a.Reset,
		State: Pending, Version: 1, Required: s.conf.required(a.Reset),
		CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(s.conf.Expiry), Envelope: a.Envelope, Nonce: rand.Text(),
	}
	if r.Required == 0 {
		r.State = Approved
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
// messenger repeats it, is refused nothing.
func (s *Service) recordRefusedAsk(ctx context.Context, a Ask, refusal *Refusal) error {
	rival := refusal.Story.Request
	if rival.ID != 0 && rival.Requester == a.Requester {
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
	if err := s.refuseFormer(ctx, tx, cluster.ID, a.Username, who); err != nil {
		return err
	}
	if rival, ok, err := tx.Active(ctx, cluster.ID, a.Username); err != nil {
		return err
	} else if ok {
		return s.refuseRival(ctx, tx, rival, a.Username)
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
