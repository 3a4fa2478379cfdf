package report_test

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"ehpcbot/bot/report"
)

// TestVerifyShowsProgress has a line on a terminal, which is gone at the end, and nothing anywhere else.
func TestVerifyShowsProgress(t *testing.T) {
	t.Parallel()
	env := play(t)
	verify := func(errOut *os.File) {
		root := &cobra.Command{Use: "ehpcbot"}
		root.SetErr(errOut)
		root.SetArgs([]string{"audit", "verify"})
		root.AddCommand(report.Commands(t.Output(), envconfig.MapLookuper(env), now)...)
		require.NoError(t, root.ExecuteContext(t.Context()))
	}
	screen, terminal := openTerminal(t)
	verify(terminal)
	const line = "\r0 of 8 events\r\x1b[K"
	shown := make([]byte, len(line))
	_, err := io.ReadFull(screen, shown)
	require.NoError(t, err)
	require.Equal(t, line, string(shown))

	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer file.Close()
	verify(file)
	info, err := file.Stat()
	require.NoError(t, err)
	require.Zero(t, info.Size())
}

// openTerminal returns a terminal, and what reads from its screen.
func openTerminal(t *testing.T) (screen, terminal *os.File) {
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	control := func(request uintptr, value *int32) {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, screen.Fd(), request, uintptr(unsafe.Pointer(value)))
		require.Zero(t, errno)
	}
	var locked, number int32
	control(syscall.TIOCSPTLCK, &locked)
	control(syscall.TIOCGPTN, &number)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = terminal.Close() })
	return screen, terminal
}
