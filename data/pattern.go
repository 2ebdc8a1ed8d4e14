package data

import "strings"

// patternNames are the built-in patterns.
func patternNames() []string {
	return []string{"alphanumeric", "digits", "email", "hex", "phone", "slug", "url"}
}

// builtin is the built-in pattern called name, nil when there is none. They are
// written by hand: package regexp would be an eighth of a small service's size.
func builtin(name string) func(string) bool {
	switch name {
	case "alphanumeric":
		return func(s string) bool { return all(s, alphanumeric) }
	case "digits":
		return func(s string) bool { return all(s, digit) }
	case "email":
		return isEmail
	case "hex":
		return func(s string) bool { return all(s, hex) }
	case "phone":
		return isPhone
	case "slug":
		return isSlug
	case "url":
		return isURL
	}
	return nil
}

func digit(c byte) bool        { return c >= '0' && c <= '9' }
func letter(c byte) bool       { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func alphanumeric(c byte) bool { return digit(c) || letter(c) }
func hex(c byte) bool          { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// all reports whether s has characters, and only of one kind.
func all(s string, is func(byte) bool) bool {
	for i := 0; i < len(s); i++ {
		if !is(s[i]) {
			return false
		}
	}
	return s != ""
}

// isEmail takes the addresses that an HTML form's email field takes, when they have a
// domain of at least two labels.
func isEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || len(s) > 254 || len(local) > 64 {
		return false
	}
	for i := 0; i < len(local); i++ {
		if !alphanumeric(local[i]) && strings.IndexByte(".!#$%&'*+/=?^_`{|}~-", local[i]) < 0 {
			return false
		}
	}
	return strings.Contains(domain, ".") && isHost(domain)
}

// isHost reports whether s is labels of letters, digits and hyphens.
func isHost(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := 0; i < len(label); i++ {
			if !alphanumeric(label[i]) && label[i] != '-' {
				return false
			}
		}
	}
	return len(s) <= 253
}

// isSlug takes small letters, digits and single hyphens between them.
func isSlug(s string) bool {
	for word := range strings.SplitSeq(s, "-") {
		if !all(word, func(c byte) bool { return digit(c) || c >= 'a' && c <= 'z' }) {
			return false
		}
	}
	return true
}

// isPhone takes E.164: a plus and 7 to 15 digits, the first not 0.
func isPhone(s string) bool {
	digits, ok := strings.CutPrefix(s, "+")
	return ok && len(digits) >= 7 && len(digits) <= 15 && digits[0] != '0' && all(digits, digit)
}

// isURL takes http and https addresses with a host and without a user.
func isURL(s string) bool {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(s, "http://"); !ok {
			return false
		}
	}
	for i := 0; i < len(rest); i++ {
		if c := rest[i]; c <= ' ' || c == 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return false
		}
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, port, hasPort := strings.Cut(rest[:end], ":")
	if hasPort && (len(port) > 5 || !all(port, digit)) {
		return false
	}
	return isHost(host)
}

// isUUID reports whether s is 8-4-4-4-12 hexadecimal digits.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
		} else if !hex(s[i]) {
			return false
		}
	}
	return true
}
