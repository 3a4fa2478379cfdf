package ehpctest_test

import (
	"context"
	"errors"
	"fmt"

	"ehpcbot/ehpc"
	"ehpcbot/ehpc/ehpctest"
	"ehpcbot/ehpc/secret"
)

// The server does the work and breaks the connection: the client cannot know
// whether the account is there, and looks.
func Example() {
	api := ehpctest.NewServer()
	defer api.Close()
	client, err := ehpc.NewClient(ehpc.Config{
		Endpoint:        api.URL,
		AccessKeyID:     ehpctest.AccessKeyID,
		SecretAccessKey: secret.New(ehpctest.SecretAccessKey),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()

	api.DropAfter("addUser", 1)
	ctx := context.Background()
	_, err = client.AddUser(ctx, ehpc.AddUserRequest{
		ClusterID: ehpctest.ClusterID, Zone: ehpctest.Zone, Username: "isabel", Password: secret.New("kUISjs@kkkkkk1"),
	})
	fmt.Println("unknown:", errors.Is(err, ehpc.ErrOutcomeUnknown))

	user, found, err := client.FindUser(ctx, ehpctest.Zone, ehpctest.ClusterID, "isabel")
	fmt.Println("found:", user.Username, found, err)
	fmt.Println("accounts made:", api.AddUserEffects(ehpctest.ClusterID, "isabel"))
	// Output:
	// unknown: true
	// found: isabel true <nil>
	// accounts made: 1
}
