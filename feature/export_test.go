package feature

// SameSet reports whether two evaluations share what was made for their domain.
func SameSet(a, b *Evaluation) bool { return a.set == b.set }
