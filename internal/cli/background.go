package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/operator"
)

// cloudLog is the log of a local cloud in its state folder.
const cloudLog = "cloud.log"

// readyWithin is how long a local cloud may take to start; the first start downloads
// the runtime.
const readyWithin = 3 * time.Minute

// startCloud starts this program as a local cloud that goes on after we end, and
// waits until it says that it is ready. When another process was faster, its cloud is
// the one.
func (a *app) startCloud(ctx context.Context, o operator.CloudOptions) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find our own program to start the local cloud: %w", err)
	}
	if err := os.MkdirAll(o.StateDir, 0o700); err != nil {
		return fmt.Errorf("make the state folder of the local cloud: %w", err)
	}
	log, err := os.CreateTemp(o.StateDir, "starting-*.log")
	if err != nil {
		return fmt.Errorf("write the log of the local cloud: %w", err)
	}
	defer log.Close()

	cmd := exec.Command(program, cloudArgs(o)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = ownSession()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the local cloud: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the cloud, at the latest with us
	err = waitReady(ctx, log.Name(), ended)
	if problem, ok := errors.AsType[*diag.Error](err); ok && problem.Code == folderInUse {
		_ = os.Remove(log.Name()) // it tells nothing but this
		return waitOther(ctx, o.StateDir, problem)
	}
	if err := os.Rename(log.Name(), filepath.Join(o.StateDir, cloudLog)); err != nil {
		a.term.Note("The log of the local cloud stays in %s: %s", log.Name(), err)
	}
	return err
}

// folderInUse is the code of a cloud that found another one on its folder.
const folderInUse = "L103"

// waitOther waits for the cloud that another process started at the same time.
func waitOther(ctx context.Context, dir string, problem error) error {
	deadline := time.Now().Add(readyWithin)
	for {
		_, running, err := operator.CloudStatus(ctx, dir)
		if running || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return problem
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// cloudArgs is the command line of a background cloud.
func cloudArgs(o operator.CloudOptions) []string {
	args := []string{"cloud", "--state", o.StateDir, "--json"}
	switch {
	case o.AnyPort:
		args = append(args, "--port", "0")
	case o.Port != 0:
		args = append(args, "--port", strconv.Itoa(o.Port))
	}
	for _, z := range o.Zones {
		args = append(args, "--zone", z)
	}
	for _, acc := range o.Accounts {
		args = append(args, "--seed-account", acc.ID+"="+acc.Name)
	}
	if o.SeedFile != "" {
		args = append(args, "--seed", o.SeedFile)
	}
	if o.RateLimit != "" {
		args = append(args, "--rate-limit", o.RateLimit)
	}
	for _, f := range o.Faults {
		args = append(args, "--fault", f)
	}
	if len(o.Faults) > 0 {
		args = append(args, "--fault-seed", strconv.FormatUint(o.FaultSeed, 10))
	}
	if o.AIUpstream != "" { // the token stays in the environment
		args = append(args, "--ai-upstream", o.AIUpstream)
	}
	if o.TimeScale != 0 {
		args = append(args, "--time-scale", strconv.FormatFloat(o.TimeScale, 'g', -1, 64))
	}
	return args
}

// waitReady polls the log for the ready line until the process ends, time is up or
// nobody waits any more; a cloud that is just starting then goes on.
func waitReady(ctx context.Context, path string, ended <-chan error) error {
	deadline := time.After(readyWithin)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if ready, err := cloudReady(path); ready || err != nil {
			return err
		}
		select {
		case <-ended:
			ready, err := cloudReady(path) // it may have become ready and ended since
			if ready || err != nil {
				return err
			}
			return notStarted(path, "it ended at once")
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			return notStarted(path, "it was not ready within "+readyWithin.String())
		case <-tick.C:
		}
	}
}

// cloudReady looks for the ready line in the log.
func cloudReady(path string) (bool, error) {
	log, err := os.ReadFile(path)
	if err != nil {
		return false, fmt.Errorf("read the log of the local cloud: %w", err)
	}
	for line := range bytes.Lines(log) {
		if bytes.HasPrefix(line, []byte(`{"api":`)) && bytes.HasSuffix(line, []byte("\n")) {
			return true, nil
		}
	}
	return false, nil
}

// notStarted tells why the local cloud did not start: in its own words where it left
// a document, else with the last line of its log.
func notStarted(path, what string) error {
	log, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the log of the local cloud: %w", err)
	}
	problem := &diag.Error{
		Finding: diag.Finding{
			Code: "U013", Severity: diag.SeverityError, Message: "the local cloud did not start",
			Why: what, Fix: "read " + filepath.Join(filepath.Dir(path), cloudLog) + ", then try `clodo cloud` in another terminal",
		},
		State: diag.NothingChanged, Exit: diag.ExitFailed,
	}
	var doc struct {
		Exit   diag.Exit `json:"exit"`
		Errors []message `json:"errors"`
	}
	if start := bytes.Index(log, []byte("{\n")); start >= 0 && json.Unmarshal(log[start:], &doc) == nil && len(doc.Errors) > 0 {
		first := doc.Errors[0]
		problem.Code, problem.Message, problem.Exit = first.Code, first.Message, doc.Exit
		problem.Why, problem.Fix = first.Why, first.Fix
		return problem
	}
	if text := strings.TrimSpace(string(log)); text != "" {
		problem.Why += "; its last words: " + text[strings.LastIndex(text, "\n")+1:]
	}
	return problem
}
