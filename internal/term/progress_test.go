package term

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/project"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func event(target string, step deploy.Step, state deploy.State, detail string, after time.Duration) deploy.Event {
	return deploy.Event{
		Time: noon.Add(after), Release: "r_1", Target: project.TargetID{Service: target, Environment: "production"},
		Step: step, State: state, Detail: detail,
	}
}

func TestPlainProgressIsOneLinePerFinishedStep(t *testing.T) {
	t.Parallel()
	term, out, talk := newTest(env{"CI": "true"}, Settings{})
	p := term.Progress(ProgressOptions{Targets: []string{"api/production", "web/production"}})
	built := event("api", deploy.StepBuild, deploy.Done, "61 KB gzip", time.Second)
	built.Elapsed = 800 * time.Millisecond
	failed := event("web", deploy.StepVerify, deploy.Failed, "", 2*time.Second)
	failed.Error, failed.Elapsed = "answered 500\nand more", 90*time.Second
	for _, e := range []deploy.Event{
		event("api", deploy.StepBuild, deploy.Started, "", 0), built,
		event("api", deploy.StepMigrate, deploy.Skipped, "no database", time.Second), failed,
	} {
		p.Event(e)
	}
	p.Close()
	want := "12:00:01  api/production        build      ok  0.8s  61 KB gzip\n" +
		"12:00:01  api/production        migrate    skipped  no database\n" +
		"12:00:02  web/production        verify     FAILED  1m30s  answered 500\n"
	if diff := cmp.Diff(want, talk.String()); diff != "" {
		t.Error(diff)
	}
	if out.String() != "" {
		t.Errorf("progress went to stdout: %q", out.String())
	}
}

func TestPlainProgressShowsLifeEveryThirtySeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		term, _, talk := newTest(env{"CI": "true"}, Settings{})
		p := term.Progress(ProgressOptions{})
		e := event("api", deploy.StepVerify, deploy.Waiting, "certificate", 0)
		e.Time = time.Now()
		p.Event(e)
		time.Sleep(65 * time.Second)
		synctest.Wait()
		p.Close()
		lines := strings.Split(strings.TrimSpace(talk.String()), "\n")
		if len(lines) != 2 || !strings.HasSuffix(lines[0], "waiting  30s  certificate") || !strings.HasSuffix(lines[1], "waiting  1m00s  certificate") {
			t.Errorf("got %q, want a line after 30 s and one after 60 s", lines)
		}
	})
}

func TestNDJSONProgressIsOneDocumentPerEventOnStdout(t *testing.T) {
	t.Parallel()
	term, out, talk := newTest(env{}, Settings{Format: NDJSON})
	p := term.Progress(ProgressOptions{})
	p.Event(event("api", deploy.StepUpload, deploy.Done, "v42", 0))
	p.Close()
	var got struct {
		Type, Step, State, Detail string
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%q: %v", out.String(), err)
	}
	if got.Type != "event" || got.Step != "upload" || got.State != "done" || got.Detail != "v42" {
		t.Errorf("got %+v", got)
	}
	if talk.String() != "" {
		t.Errorf("talk %q", talk.String())
	}
}

func TestGitHubProgressIsOneGroupPerTarget(t *testing.T) {
	t.Parallel()
	term, _, talk := newTest(env{"GITHUB_ACTIONS": "true"}, Settings{})
	p := term.Progress(ProgressOptions{})
	for _, e := range []deploy.Event{
		event("api", deploy.StepUpload, deploy.Done, "", 0),
		event("web", deploy.StepUpload, deploy.Failed, "", 0),
		event("api", deploy.StepRecord, deploy.Done, "", 0),
	} {
		p.Event(e)
	}
	p.Close()
	want := "::group::api/production\n12:00:00  api/production  upload     ok\n12:00:00  api/production  record     ok\n::endgroup::\n" +
		"::group::web/production\n12:00:00  web/production  upload     FAILED\n::endgroup::\n"
	if diff := cmp.Diff(want, talk.String()); diff != "" {
		t.Error(diff)
	}
}

// block is the lines of a live renderer that has seen events, without its clock.
func block(events []deploy.Event, width, height int, at time.Duration) []string {
	term, _, _ := newTest(env{}, Settings{})
	l := &live{t: term, rows: []*row{{name: "api/production"}, {name: "web/production"}}}
	for _, e := range events {
		l.Event(e)
	}
	return l.lines(noon.Add(at), width, height)
}

func TestLiveBlockShowsEveryTarget(t *testing.T) {
	t.Parallel()
	failed := event("web", deploy.StepVerify, deploy.Failed, "", time.Second)
	failed.Error = "answered 500"
	tests := []struct {
		name   string
		events []deploy.Event
		want   []string
	}{
		{
			"before anything happens all wait", nil,
			[]string{"  · api/production        ──────────  waiting", "  · web/production        ──────────  waiting"},
		},
		{
			"a running step shows its detail and how long it takes",
			[]deploy.Event{event("api", deploy.StepBuild, deploy.Done, "", 0), event("api", deploy.StepUpload, deploy.Waiting, "61 KB", time.Second)},
			[]string{"  ⠋ api/production        ━─────────  upload 61 KB 4s", "  · web/production        ──────────  waiting"},
		},
		{
			"a target that is through, and one that was undone",
			[]deploy.Event{event("api", deploy.StepRecord, deploy.Done, "live", 0), failed, event("web", deploy.StepUndo, deploy.Done, "", 0)},
			[]string{"  ✓ api/production        ━━━━━━━━━━  live", "  ↩ web/production        ────────━─  undone  verify failed: answered 500"},
		},
		{
			"a target whose undo failed says so",
			[]deploy.Event{failed, event("web", deploy.StepUndo, deploy.Failed, "no answer", 0)},
			[]string{"  · api/production        ──────────  waiting", "  ✗ web/production        ────────━─  undo failed  no answer"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, block(tt.events, 100, 40, 5*time.Second)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLiveBlockNeverWrapsNorScrolls(t *testing.T) {
	t.Parallel()
	failed := event("customer-portal", deploy.StepSmoke, deploy.Failed, "", 0)
	failed.Error = strings.Repeat("a very long reason ", 20)
	events := []deploy.Event{failed}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		events = append(events, event(name, deploy.StepBuild, deploy.Started, "", 0))
	}
	lines := block(events, 60, 6, time.Second)
	if len(lines) != 4 {
		t.Errorf("%d lines on a screen of 6, want 4: %q", len(lines), lines)
	}
	for _, l := range lines {
		if w := ansi.StringWidth(l); w >= 60 {
			t.Errorf("%q is %d cells wide", l, w)
		}
	}
	if !strings.Contains(lines[0], "customer-portal") || !strings.Contains(lines[len(lines)-1], "and 7 more") {
		t.Errorf("the failed target comes first and the others are counted: %q", lines)
	}
}
