package host

// Describing is false on Workers: nobody asks there what a program has.
func Describing() bool { return false }
