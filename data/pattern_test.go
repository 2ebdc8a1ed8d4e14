package data

import (
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ fits, others []string }{
		"alphanumeric": {[]string{"a1B2"}, []string{"", "a b", "ä", "a-1"}},
		"digits":       {[]string{"0123"}, []string{"", "1.5", "-1", "١"}},
		"hex":          {[]string{"00ffAB"}, []string{"", "0x1", "g"}},
		"slug":         {[]string{"a", "my-2nd-post"}, []string{"", "-a", "a-", "a--b", "A", "a_b", "ü"}},
		"phone":        {[]string{"+4930123456", "+12025550123"}, []string{"", "+0123456789", "0301234567", "+123456", "+1234567890123456", "+1 202 5550123"}},
		"email": {
			[]string{"a@b.co", "first.last+tag@sub.mail.example", "x_y'z@a-b.example"},
			[]string{"", "a", "a@", "@b.co", "a@b", "a b@c.de", "a@b..co", "a@-b.co", "a@b-.co", "a@b.co\n", "ä@b.co", "a@b@c.de", strings.Repeat("a", 65) + "@b.co", "a@" + strings.Repeat("b", 64) + ".co"},
		},
		"url": {
			[]string{"https://a.example", "http://localhost:8080/x?y=z#w", "https://a.example?x", "https://a.example/ü"},
			[]string{"", "a.example", "ftp://a.example", "javascript:alert(1)", "https://", "https:///x", "https://a b.example", "https://user@a.example", "https://a.example:x/", "https://a.example/\"", "https://a.example/\n", "https://-a.example"},
		},
	}
	for _, name := range patternNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			is := builtin(name)
			for _, s := range tests[name].fits {
				if !is(s) {
					t.Errorf("%q is no %s", s, name)
				}
			}
			for _, s := range tests[name].others {
				if is(s) {
					t.Errorf("%q is a %s", s, name)
				}
			}
			if len(tests[name].fits) == 0 {
				t.Error("it is not tested")
			}
		})
	}
}

func TestTagsAreTakenApart(t *testing.T) {
	t.Parallel()
	got, err := parseTag(` name , required,default='a, b''s' ,max = 5,empty=''`)
	if err == nil {
		t.Errorf("after the quote there was a space: %+v", got)
	}
	got, err = parseTag(` name , required,default='a, b''s',max = 5,empty=''`)
	if err != nil || got.name != "name" || len(got.options) != 4 || got.options[1] != (option{"default", "a, b's"}) || got.options[2] != (option{"max", "5"}) || got.options[3] != (option{"empty", ""}) {
		t.Errorf("%+v %v", got, err)
	}
	for _, bad := range []string{"a,", "a,,b", "a=b", "a,b='c", "a,b='c'd"} {
		if got, err := parseTag(bad); err == nil {
			t.Errorf("%q is %+v", bad, got)
		}
	}
}

func FuzzTag(f *testing.F) {
	f.Add("email,required,default='a''b',max=3")
	f.Fuzz(func(_ *testing.T, text string) {
		t, err := parseTag(text)
		if err == nil {
			_ = isRelation(t)
		}
	})
}
