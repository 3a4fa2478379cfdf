package keyring

import (
	"context"
	"fmt"
	"slices"
)

// Rekeyed is what [Keyring.Rekey] did.
type Rekeyed struct {
	Resealed int     // passwords that are sealed with the first key from now on
	Right    int     // passwords that were before
	Damaged  []int64 // requests whose password can't be opened by any key, and stays as it is
}

// Rekey seals every sealed password of a database with the first key, each in a transaction of its own, with its
// audit event, and signs anew what the bot still has to show that it has signed. Nothing is changed if the key of one of them is missing.
//
// On PostgreSQL it may run beside the bot: who has read a request before goes on with the password that it read
// and that its keys open, and never writes it back.
func (k *Keyring) Rekey(ctx context.Context, d Database) (Rekeyed, error) {
	d.SignWith(k)
	damaged, err := k.Check(ctx, d)
	if err != nil {
		return Rekeyed{}, err
	}
	sealed, err := d.Sealed(ctx)
	if err != nil {
		return Rekeyed{}, err
	}
	done := Rekeyed{Damaged: damaged}
	for _, s := range sealed {
		if slices.Contains(damaged, s.Request) {
			continue
		}
		resealed, err := d.Reseal(ctx, s.Request, func(sealed []byte) ([]byte, error) {
			if k.sealedWithFirst(sealed) {
				return nil, nil
			}
			password, err := k.Open(s.Bound, sealed)
			if err != nil {
				return nil, err
			}
			return k.Seal(s.Bound, password), nil
		})
		switch {
		case err != nil:
			return done, fmt.Errorf("seal the password of request %d anew: %w", s.Request, err)
		case resealed:
			done.Resealed++
		default:
			done.Right++ // or it was delivered, and erased, meanwhile
		}
	}
	if err := d.SignAnew(ctx); err != nil {
		return done, fmt.Errorf("sign the approvals anew: %w", err)
	}
	return done, k.allWithFirst(ctx, d, damaged)
}

// allWithFirst looks at what is sealed by now. A bot that still seals with an old key gives itself away here, if
// it has done so meanwhile.
func (k *Keyring) allWithFirst(ctx context.Context, d Database, damaged []int64) error {
	sealed, err := d.Sealed(ctx)
	if err != nil {
		return err
	}
	for _, s := range sealed {
		if !k.sealedWithFirst(s.Password) && !slices.Contains(damaged, s.Request) {
			return fmt.Errorf("the password of request %d was sealed with another key meanwhile: "+
				"start every replica again with the new key in front, and then run this again", s.Request)
		}
	}
	return nil
}
