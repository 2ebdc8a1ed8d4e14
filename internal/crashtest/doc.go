// Package crashtest kills the clodo command at every call that it makes to a real
// local cloud, loses answers on the way back, and wants `clodo deploy --resume` to
// end where an undisturbed deploy ends: nothing lost, nothing done twice. It holds
// tests only. With CLODO_PROOF=full every case is run, else a sample.
package crashtest
