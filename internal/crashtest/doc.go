// Package crashtest kills two programs that must not lose anything. The clodo command
// is killed at every call that it makes to a real local cloud, its answers are lost on
// the way back, and `clodo deploy --resume` has to end where an undisturbed deploy
// ends: nothing lost, nothing done twice. And the local cloud is killed at random
// moments while it is written to in every way: what it acknowledged has to be there
// when it starts again. It holds tests only. With CLODO_PROOF=full every case is run,
// and 200 deaths of the cloud, else a sample.
package crashtest
