package crashtest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/ehpc/ehpctest"
)

// steppedClock names the file whose first byte says by how many hours the clock of a stepped program is off.
// Programs that have it in their environment are stepped ones.
const steppedClock = "CRASHTEST_CLOCK"

// steppedTime is what the time package of a stepped program has in addition. Clocks can't be set without harm to
// all else on a machine, so the program gets a Go whose time of day comes from another clock, which can be. The
// monotonic clock is left alone, as it is when a real clock is set. Go asks for the time where nothing can be
// called, so the file is mapped.
const steppedTime = `package time

import "syscall"

var clock = mapClock()

func mapClock() []byte {
	name, ok := syscall.Getenv("` + steppedClock + `")
	if !ok {
		return nil
	}
	f, err := syscall.Open(name, syscall.O_RDONLY, 0)
	if err != nil {
		panic(err)
	}
	defer syscall.Close(f)
	clock, err := syscall.Mmap(f, 0, 1, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	return clock
}

func step() (seconds int64) {
	if clock == nil {
		return 0
	}
	return 3600 * int64(int8(clock[0]))
}
`

// stepped is the program with a clock that can be set.
var stepped = build{name: "stepped", args: overlay}

// overlay writes the files that a stepped program is built with in place of Go's own.
func overlay(dir string) ([]string, error) {
	const read = "\tsec, nsec, mono := runtimeNow()\n\tif mono == 0 {\n\t\treturn Time{uint64(nsec)"
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		return nil, err
	}
	if strings.Count(string(source), read) != 1 {
		return nil, fmt.Errorf("%s reads the clock in another way than it used to", original)
	}
	files := map[string]string{
		original: strings.Replace(string(source), read, strings.Replace(read, "\n", "\n\tsec += step()\n", 1), 1),
		filepath.Join(filepath.Dir(original), "crashtest_step.go"): steppedTime,
	}
	replace := map[string]string{}
	for name, text := range files {
		replace[name] = filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(replace[name], []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "overlay.json")
	return []string{"-overlay", path}, os.WriteFile(path, text, 0o600)
}

// TestClockIsSet sets the clock of the bot's own machine by an hour, either way and back, under the running program:
// while an account is being made, while a job is put off, and while a request waits for a decision.
func TestClockIsSet(t *testing.T) {
	t.Parallel()
	onlyFull(t) // it builds the program with all of Go's library
	for _, d := range []database{sqlite, postgres} {
		for name, hours := range map[string]int8{"ahead": +1, "back": -1} {
			t.Run(d.name+" "+name, func(t *testing.T) {
				t.Parallel()
				clock, err := os.Create(filepath.Join(t.TempDir(), "clock"))
				require.NoError(t, err)
				t.Cleanup(func() { _ = clock.Close() })
				set := func(hours int8) {
					_, err := clock.WriteAt([]byte{byte(hours)}, 0)
					require.NoError(t, err)
				}
				set(0)
				w := newWorld(t, d)
				w.env[steppedClock], w.env["EHPC_ACCOUNTS_AT_ONCE"] = clock.Name(), "3"
				w.start()
				all := w.applicants("first", "second", "third", "fourth", "fifth", "sixth")
				for i, hours := range []int8{hours, 0} {
					made, putOff, asked := all[3*i], all[3*i+1], all[3*i+2]
					for _, a := range []applicant{made, putOff, asked} {
						require.Contains(t, w.mustAsk(a), "is in")
					}
					w.api.HangJobs(true)
					w.approve(made)
					w.eventually("the account is being made", func() bool { return w.api.CallCount(ehpctest.ActionAddUser) == 3*i+1 })
					before := w.api.CallCount(ehpctest.ActionListUsers)
					w.api.Answer(ehpctest.ActionListUsers, 5100, -1)
					w.approve(putOff)
					w.eventually("the job is put off", func() bool { return w.api.CallCount(ehpctest.ActionListUsers) >= before+2 })
					set(hours)
					w.api.ClearFaults()
					w.api.HangJobs(false)
					w.receive(made)
					w.receive(putOff)
					w.approveAndReceive(asked)
				}
				w.finish(6)
				require.NotZero(t, late(w.api.Calls()), "calls that the API refused for their time")
				t.Logf("figures: %s: the clock is set %s by an hour, and right again: everything went on", d.name, name)
			})
		}
	}
}
