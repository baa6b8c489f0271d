package proof_test

import (
	"io"
	"os"
	"testing"

	"nslab/lab/kerneltest"
)

// waitForEnd makes the test binary a process that does nothing until its
// standard input ends.
const waitForEnd = "NSLAB_WAIT_FOR_END"

func TestMain(m *testing.M) {
	if os.Getenv(waitForEnd) != "" {
		_, _ = os.Stdout.WriteString("+") // it runs
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	os.Exit(kerneltest.Main(m))
}
