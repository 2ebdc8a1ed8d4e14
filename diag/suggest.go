package diag

import "strings"

// Nearest is the candidate that in was probably meant to be, or "": the one with
// the smallest edit distance (a swap of neighbours counts 1) within
// max(1, len(in)/3), else one that in (3 letters or more) is the beginning of.
func Nearest(in string, candidates []string) string {
	best, bestDistance := "", max(1, len(in)/3)+1
	for _, c := range candidates {
		if d := distance(in, c); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	if best != "" {
		return best
	}
	for _, c := range candidates {
		if len(in) >= 3 && strings.HasPrefix(c, in) {
			return c
		}
	}
	return ""
}

// distance is the optimal string alignment distance between a and b.
func distance(a, b string) int {
	row := make([][]int, len(a)+1)
	for i := range row {
		row[i] = make([]int, len(b)+1)
		row[i][0] = i
	}
	for j := range row[0] {
		row[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[i][j] = min(row[i-1][j]+1, row[i][j-1]+1, row[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[i][j] = min(row[i][j], row[i-2][j-2]+1)
			}
		}
	}
	return row[len(a)][len(b)]
}
