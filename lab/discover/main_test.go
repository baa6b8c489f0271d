package discover_test

import (
	"os"
	"testing"

	"nslab/lab/kerneltest"
)

func TestMain(m *testing.M) { os.Exit(kerneltest.Main(m)) }
