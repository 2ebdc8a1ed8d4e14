package feature

import "math/bits"

// buckets is how finely subjects are told apart: a hundredth of a percent.
const buckets = 10_000

// Bucket is where a subject stands in a flag, from 0 to 9999. A share of p percent has
// the subjects below p·100.
func Bucket(flag, subject string) int { return int(bucket(murmur3(flag, 0), subject)) }

func bucket(seed uint32, subject string) uint32 {
	return uint32(uint64(murmur3(subject, seed)) * buckets >> 32)
}

// murmur3 is MurmurHash3_x86_32.
func murmur3(s string, seed uint32) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	h, n := seed, len(s)
	for len(s) >= 4 {
		h ^= bits.RotateLeft32(word(s)*c1, 15) * c2
		h = bits.RotateLeft32(h, 13)*5 + 0xe6546b64
		s = s[4:]
	}
	var rest uint32
	for i := range len(s) {
		rest |= uint32(s[i]) << (8 * i)
	}
	if rest != 0 {
		h ^= bits.RotateLeft32(rest*c1, 15) * c2
	}
	h ^= uint32(n)
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

// word is the first four bytes of s, which the compiler reads at once.
func word(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}
