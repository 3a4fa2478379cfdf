package ehpc_test

import (
	"context"
	"errors"
	"fmt"

	"ehpcbot/ehpc"
	"ehpcbot/ehpc/ehpctest"
	"ehpcbot/ehpc/secret"
)

// An account is asked for, and its job followed to the end.
func Example() {
	api := ehpctest.NewServer() // in place of https://hpc.api.qingcloud.com
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

	ctx := context.Background()
	password, err := ehpc.NewPassword(20)
	if err != nil {
		fmt.Println(err)
		return
	}
	jobID, err := client.AddUser(ctx, ehpc.AddUserRequest{
		ClusterID: "ehpc-8jqdq0mz", Zone: "jn1a", Username: "isabel", Password: password, Mod: "700",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	jobs, err := client.Operations(ctx, "jn1a", []string{jobID})
	fmt.Println(jobs[jobID].Status, err)
	fmt.Println("the password is", password)
	// Output:
	// successful <nil>
	// the password is [redacted]
}

// What to do after an error depends on its class.
func ExampleError() {
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

	api.AddExisting("ehpc-8jqdq0mz", "isabel", "kUISjs@kkkkkk1")
	api.Fail("addUser", ehpctest.Fault{Status: 502, Body: []byte("<html>"), Skip: 1})
	for range 2 {
		_, err = client.AddUser(context.Background(), ehpc.AddUserRequest{
			ClusterID: "ehpc-8jqdq0mz", Zone: "jn1a", Username: "isabel", Password: secret.New("kUISjs@kkkkkk1"),
		})
		switch {
		case errors.Is(err, ehpc.ErrOutcomeUnknown):
			fmt.Println("look the user up first:", err)
		case errors.Is(err, ehpc.ErrExists):
			fmt.Println("choose another name:", err)
		}
	}
	// Output:
	// choose another name: addUser: ret_code 2110 (already exists)
	// look the user up first: addUser: http status 502: the answer is not readable
}

func ExampleValidateUsername() {
	fmt.Println(ehpc.ValidateUsername("isabel"))
	fmt.Println(ehpc.ValidateUsername("isabelle_"))
	fmt.Println(ehpc.ValidateUsername("josé"))
	// Output:
	// <nil>
	// username must be 1 to 8 letters, digits or underscores (a-z, A-Z, 0-9, _)
	// username must be 1 to 8 letters, digits or underscores (a-z, A-Z, 0-9, _); 'é' is not allowed
}

func ExampleNewPassword() {
	password, err := ehpc.NewPassword(20)
	fmt.Println(password, err)
	fmt.Println(ehpc.ValidatePassword(password.Reveal()))
	_, err = ehpc.NewPassword(8)
	fmt.Println(err)
	// Output:
	// [redacted] <nil>
	// <nil>
	// password must be 12 to 30 characters of upper case, lower case, digits and !@#%^&()*, some of each
}
