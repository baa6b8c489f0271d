package topology

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Number reads a whole number from low to high, as everybody writes it.
func Number(text string, low, high int) (int, error) {
	n, problem := number(text, low, high)
	if problem != "" {
		return 0, errors.New(problem)
	}
	return n, nil
}

// number reads a decimal number. YAML reads 010 as 8, 1_500 and 1.5e3 as
// 1500: whoever writes that means something else than the reader sees.
func number(text string, low, high int) (int, string) {
	digits := strings.TrimPrefix(text, "-")
	switch n, err := strconv.Atoi(text); {
	case digits == "" || strings.Trim(digits, "0123456789") != "":
		return 0, fmt.Sprintf("%q is not a whole number (want %d to %d)", cut(text), low, high)
	case len(digits) > 1 && digits[0] == '0':
		return 0, fmt.Sprintf("%s has a leading zero, which YAML reads as octal: write %s", cut(text), cut(strings.TrimLeft(digits[:len(digits)-1], "0")+digits[len(digits)-1:]))
	case err != nil || n < low || n > high:
		return 0, fmt.Sprintf("must be from %d to %d, found %s", low, high, cut(text))
	default:
		return n, ""
	}
}

func duration(text string) (time.Duration, string) {
	return durationIn(text, time.Millisecond, time.Minute, "2s or 300ms")
}

func durationIn(text string, low, high time.Duration, example string) (time.Duration, string) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, fmt.Sprintf("%q is not a duration: write for example %s", cut(text), example)
	case d < low || d > high:
		return 0, fmt.Sprintf("must be from %s to %s, found %s", short(low), short(high), cut(text))
	}
	return d, ""
}

// short is a duration without the zeros behind: 1m, not 1m0s.
func short(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}
