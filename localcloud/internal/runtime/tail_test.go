package runtime

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadTraces(t *testing.T) {
	t.Parallel()
	began := 1000.5
	first, second := Invoked{"acc", "a", "v1"}, Invoked{"acc", "b", "v2"}
	short := func(v Invoked, ray string, status int) Trace {
		return Trace{Invoked: v, Ray: ray, Status: status, Outcome: "ok", Model: "stateless", Began: &began, Ended: 1005, CPU: 2}
	}
	for text, want := range map[string][]Trace{
		"": {},
		`={"account":"acc","script":"a","version":"v1","mark":"00"}
r1-LCL 200 1000.5 1005 2
{"account":"acc","script":"b","version":"v2","outcome":"exception","ended":7,"event":null}
r2-LCL 404 1000.5 1005 2
={"account":"acc","script":"b","version":"v2","mark":"01"}
r3-LCL 200 1000.5 1005 2
`: {short(first, "r1-LCL", 200), {Invoked: second, Outcome: "exception", Ended: 7}, short(first, "r2-LCL", 404), short(second, "r3-LCL", 200)},
	} {
		got, err := readTraces([]byte(text))
		for i := range got {
			got[i].Event = nil
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for _, text := range []string{"\n", "{", "=", "=[]", "r 200 1 2", "r ok 1 2 0", "r 200 x 2 0", "r 200 1 2 0 0"} {
		if got, err := readTraces([]byte(text)); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func FuzzReadTraces(f *testing.F) {
	f.Add([]byte("={\"account\":\"a\"}\nr 200 1 2 0\n{\"event\":null}\n"))
	f.Fuzz(func(_ *testing.T, body []byte) { _, _ = readTraces(body) })
}
