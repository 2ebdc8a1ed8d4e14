package clodotest

import (
	"net/http"
	"strings"
	"testing"
)

func TestWhatClodoBuildSaysIsUnderstoodOrRefused(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"no JSON":                     "error",
		"nothing was built":           `{"built":[]}`,
		"two services":                `{"built":[{"dir":"a"},{"dir":"b"}]}`,
		"a folder that is not there":  `{"built":[{"dir":"testdata/none"}]}`,
		"a folder that has no upload": `{"built":[{"dir":"testdata/shop"}]}`,
	} {
		if got, err := read([]byte(answer)); err == nil || strings.Contains(err.Error(), "%!") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestAServiceOfTheOptionsIsAWorkerOrItsEntrypoint(t *testing.T) {
	t.Parallel()
	if _, err := forwarders(t, map[string]http.Handler{"auth#no class": http.NotFoundHandler()}); err == nil || !strings.Contains(err.Error(), `"auth#no class"`) {
		t.Error(err)
	}
	made, err := forwarders(t, map[string]http.Handler{`a"b`: http.NotFoundHandler(), `a"b#Night`: http.NotFoundHandler(), "c#Day": http.NotFoundHandler()})
	if err != nil {
		t.Fatal(err)
	}
	both, one := string(made[`a"b`].modules[0].Bytes), string(made["c"].modules[0].Bytes)
	if !strings.Contains(both, `const name = "a\"b";`) || !strings.Contains(both, "export default") || !strings.Contains(both, "export class Night") || strings.Contains(one, "export default") {
		t.Errorf("%s\n%s", both, one)
	}
}
