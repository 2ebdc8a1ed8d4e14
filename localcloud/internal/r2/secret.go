package r2

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// A customer's key (SSE-C) encrypts an object's content on disk with AES-256 in
// counter mode, which can be read from any offset. The first counter is the id of the
// piece, or the object's version: both are random and used once.

// secretSize is the length of a customer's key in bytes.
const secretSize = 32

func checkSecret(secret []byte) error {
	if secret != nil && len(secret) != secretSize {
		return invalid("The customer's key has %d bytes instead of %d.", len(secret), secretSize)
	}
	return nil
}

// secretMD5 is how an object remembers its key; "" for no key.
func secretMD5(secret []byte) string {
	if secret == nil {
		return ""
	}
	sum := md5.Sum(secret)
	return hex.EncodeToString(sum[:])
}

// opens reports, with an error, whether secret is the key of an object.
func opens(secret []byte, keyMD5 string) error {
	switch {
	case keyMD5 == "" && secret != nil:
		return invalid("The object is not encrypted with a customer's key; leave the key out.")
	case keyMD5 != "" && secret == nil:
		return invalid("The object is encrypted with a customer's key, which is needed to read it.")
	case keyMD5 != secretMD5(secret):
		return invalid("The object is encrypted with another customer's key.")
	}
	return nil
}

// keystream is the cipher of the piece called id, from offset on.
func keystream(secret []byte, id string, offset int64) (cipher.Stream, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	var counter [aes.BlockSize]byte
	if _, err := hex.Decode(counter[:], []byte(id)); err != nil {
		return nil, err
	}
	low, carry := bits.Add64(binary.BigEndian.Uint64(counter[8:]), uint64(offset)/aes.BlockSize, 0)
	high, _ := bits.Add64(binary.BigEndian.Uint64(counter[:8]), 0, carry)
	binary.BigEndian.PutUint64(counter[:8], high)
	binary.BigEndian.PutUint64(counter[8:], low)
	stream := cipher.NewCTR(block, counter[:])
	skipped := make([]byte, offset%aes.BlockSize)
	stream.XORKeyStream(skipped, skipped)
	return stream, nil
}
