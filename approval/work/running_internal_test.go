package work

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRunningJobs(t *testing.T) {
	t.Parallel()
	j := newRunningJobs()
	end := j.begin(1)
	again := j.begin(1) // taken up by another run before the first has ended
	for range 5 {
		require.Empty(t, j.lost([]int64{1}, 3), "it is in hand")
	}
	end()
	require.Empty(t, j.lost([]int64{1}, 3))
	again()
	require.Empty(t, j.lost([]int64{1, 2}, 3), "its end may still be on the way")
	require.Empty(t, j.lost([]int64{1, 2}, 3))
	require.Equal(t, []int64{1}, j.lost([]int64{1}, 3))
	require.Empty(t, j.lost([]int64{1, 2}, 3), "counting begins anew")
	require.Empty(t, j.lost([]int64{2}, 3))
	require.Empty(t, j.lost([]int64{1}, 2), "it was stored meanwhile")
}
