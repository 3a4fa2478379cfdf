package keyring

import (
	"context"
	"fmt"
)

// Rekeyed is what [Keyring.Rekey] did.
type Rekeyed struct {
	Resealed int // passwords that are sealed with the first key from now on
	Right    int // passwords that were before
}

// Rekey seals every sealed password of a database with the first key, each in a transaction of its own, with its
// audit event. Nothing is changed if one of them can't be opened.
//
// On PostgreSQL it may run beside the bot: who has read a request before goes on with the password that it read
// and that its keys open, and never writes it back.
func (k *Keyring) Rekey(ctx context.Context, d Database) (Rekeyed, error) {
	if err := k.Check(ctx, d); err != nil {
		return Rekeyed{}, err
	}
	sealed, err := d.Sealed(ctx)
	if err != nil {
		return Rekeyed{}, err
	}
	var done Rekeyed
	for _, s := range sealed {
		resealed, err := d.Reseal(ctx, s.RequestID, func(sealed []byte) ([]byte, error) {
			if k.sealedWithFirst(sealed) {
				return nil, nil
			}
			password, err := k.Open(s.RequestID, sealed)
			if err != nil {
				return nil, err
			}
			return k.Seal(s.RequestID, password), nil
		})
		switch {
		case err != nil:
			return done, fmt.Errorf("seal the password of request %d anew: %w", s.RequestID, err)
		case resealed:
			done.Resealed++
		default:
			done.Right++ // or it was delivered, and erased, meanwhile
		}
	}
	return done, k.allWithFirst(ctx, d)
}

// allWithFirst looks at what is sealed by now. A bot that still seals with an old key gives itself away here, if
// it has done so meanwhile.
func (k *Keyring) allWithFirst(ctx context.Context, d Database) error {
	sealed, err := d.Sealed(ctx)
	if err != nil {
		return err
	}
	for _, s := range sealed {
		if !k.sealedWithFirst(s.Password) {
			return fmt.Errorf("the password of request %d was sealed with another key meanwhile: "+
				"start every replica again with the new key in front, and then run this again", s.RequestID)
		}
	}
	return nil
}
