package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"nslab/lab"
	"nslab/lab/sandbox"
	"nslab/topology"
)

// Exit statuses of every command but exec, which passes its command's.
const (
	exitOK          = 0
	exitFailed      = 1   // a check failed
	exitUsage       = 2   // wrong usage, invalid file, nothing to check
	exitCannot      = 3   // cannot run here
	exitBuild       = 4   // building or destroying failed
	exitDifferent   = 5   // status, plan --detailed-exitcode
	exitInterrupted = 130 // as a shell says of SIGINT
)

const exitHelp = `   0  done; every check held
   1  a check failed
   2  wrong usage, an invalid file, or nothing to check
   3  cannot run here: says what is missing and how to get it
   4  building or destroying failed: says what is left
   5  differences found (status; plan with --detailed-exitcode)
 130  interrupted
exec passes the exit status of its command.`

// codeError is an error that knows its exit status. Without a text it is silent:
// everything was said already.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *codeError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &codeError{exitUsage, fmt.Errorf(format, args...)}
}

func cannot(format string, args ...any) error {
	return &codeError{exitCannot, fmt.Errorf(format, args...)}
}

// status is an exit status without words.
func status(code int) error {
	if code == exitOK {
		return nil
	}
	return &codeError{code, nil}
}

// hintError says, below the error, what to do next.
type hintError struct {
	error
	hints []string
}

func (e *hintError) Unwrap() error { return e.error }

func hint(err error, hints ...string) error { return &hintError{err, hints} }

func exitCode(err error) int {
	var coded *codeError
	var build *lab.BuildError
	var mistake *topology.Error
	switch {
	case errors.As(err, &coded):
		return coded.code
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &build):
		return exitBuild
	case errors.As(err, &mistake), errors.Is(err, lab.ErrNoStage), errors.Is(err, sandbox.ErrName):
		return exitUsage
	case errors.Is(err, lab.ErrNeeds), errors.Is(err, sandbox.ErrForbidden), errors.Is(err, fs.ErrPermission):
		return exitCannot
	}
	return exitBuild
}
