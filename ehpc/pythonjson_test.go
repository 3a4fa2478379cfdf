package ehpc

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPythonJSON(t *testing.T) {
	t.Parallel()
	require.Equal(t, `{}`, string(pythonJSON(nil)))
	require.Equal(t, `{"b": "1", "a": "!@#%^&()*<>'/ \\"}`, string(pythonJSON([]field{{"b", "1"}, {"a", "!@#%^&()*<>'/ \\"}})))
}
