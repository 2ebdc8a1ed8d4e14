package traffic

import "strings"

// What is kept is redacted as workerd does it for tail Workers: the values of headers
// whose names speak of secrets, and what looks like an identifier in a URL.

const redacted = "REDACTED"

var secretWords = []string{"auth", "cookie", "key", "secret", "token", "jwt"}

func redactHeader(name, value string) string {
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return redacted
		}
	}
	return value
}

// redactURL replaces long hexadecimal numbers and what may be a random text in
// base64.
func redactURL(url string) string {
	var out strings.Builder
	for url != "" {
		n := strings.IndexFunc(url, func(c rune) bool { return !wordRune(c) })
		if n < 0 {
			n = len(url)
		}
		if word := url[:n]; looksRandom(word) {
			out.WriteString(redacted)
		} else {
			out.WriteString(word)
		}
		if url = url[n:]; url != "" {
			out.WriteByte(url[0])
			url = url[1:]
		}
	}
	return out.String()
}

func wordRune(c rune) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '+' || c == '-' || c == '_'
}

func looksRandom(word string) bool {
	var digits, hex, upper, lower, other int
	for i := range len(word) {
		switch c := word[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'z':
			lower++
			if c <= 'f' {
				hex++
			}
		case c >= 'A' && c <= 'Z':
			upper++
			if c <= 'F' {
				hex++
			}
		default:
			other++
		}
	}
	isHex := digits+hex >= 32 && digits+hex+other == len(word)
	return isHex || len(word) >= 21 && digits >= 2 && upper >= 2 && lower >= 2
}
