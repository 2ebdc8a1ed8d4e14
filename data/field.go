package data

import (
	"math"
	"reflect"
	"time"
	"unsafe"
)

// field is a place in the memory of a row, and what Go has there.
type field struct {
	offset  uintptr
	kind    reflect.Kind // of the value; Slice is []byte, Struct is time.Time
	pointer bool         // to the value; nil is null
}

// at is where the value is, nil when it is null.
func (f *field) at(row unsafe.Pointer) unsafe.Pointer {
	p := unsafe.Add(row, f.offset)
	if f.pointer {
		return *(*unsafe.Pointer)(p)
	}
	return p
}

// null makes the value null, or what it is without a value.
func (f *field) null(row unsafe.Pointer) {
	p := unsafe.Add(row, f.offset)
	if f.pointer {
		*(*unsafe.Pointer)(p) = nil
		return
	}
	switch f.kind {
	case reflect.String:
		*(*string)(p) = ""
	case reflect.Slice:
		*(*[]byte)(p) = nil
	case reflect.Struct:
		*(*time.Time)(p) = time.Time{}
	case reflect.Bool:
		*(*bool)(p) = false
	case reflect.Float32, reflect.Float64:
		f.setFloat(row, 0)
	default:
		f.setInt(row, 0)
	}
}

// place is where a value may be written. Behind a pointer that is always new memory: a
// copy of the row may share what the old one points at.
func place[T any](f *field, row unsafe.Pointer) *T {
	p := unsafe.Add(row, f.offset)
	if f.pointer {
		v := new(T)
		*(*unsafe.Pointer)(p) = unsafe.Pointer(v)
		return v
	}
	return (*T)(p)
}

func (f *field) setText(row unsafe.Pointer, s string)    { *place[string](f, row) = s }
func (f *field) setBytes(row unsafe.Pointer, b []byte)   { *place[[]byte](f, row) = b }
func (f *field) setBool(row unsafe.Pointer, v bool)      { *place[bool](f, row) = v }
func (f *field) setTime(row unsafe.Pointer, t time.Time) { *place[time.Time](f, row) = t }

func (f *field) setFloat(row unsafe.Pointer, v float64) {
	if f.kind == reflect.Float32 {
		*place[float32](f, row) = float32(v)
		return
	}
	*place[float64](f, row) = v
}

// setInt writes a number that fits.
func (f *field) setInt(row unsafe.Pointer, v int64) {
	switch f.kind {
	case reflect.Int:
		*place[int](f, row) = int(v)
	case reflect.Int8:
		*place[int8](f, row) = int8(v)
	case reflect.Int16:
		*place[int16](f, row) = int16(v)
	case reflect.Int32:
		*place[int32](f, row) = int32(v)
	case reflect.Int64:
		*place[int64](f, row) = v
	case reflect.Uint8:
		*place[uint8](f, row) = uint8(v)
	case reflect.Uint16:
		*place[uint16](f, row) = uint16(v)
	case reflect.Uint32:
		*place[uint32](f, row) = uint32(v)
	}
}

// limits are the smallest and the largest whole number that f can hold.
func (f *field) limits() (least, most int64) {
	switch f.kind {
	case reflect.Int8:
		return math.MinInt8, math.MaxInt8
	case reflect.Int16:
		return math.MinInt16, math.MaxInt16
	case reflect.Int32:
		return math.MinInt32, math.MaxInt32
	case reflect.Uint8:
		return 0, math.MaxUint8
	case reflect.Uint16:
		return 0, math.MaxUint16
	case reflect.Uint32:
		return 0, math.MaxUint32
	case reflect.Int:
		return math.MinInt, math.MaxInt
	}
	return math.MinInt64, math.MaxInt64
}

// maxWhole is the largest whole number of D1, whose numbers are JavaScript's: beyond it
// they are rounded.
const maxWhole = 1<<53 - 1

// wholes are the whole numbers that fit the field and D1.
func (f *field) wholes() (least, most int64) {
	least, most = f.limits()
	return max(least, -maxWhole), min(most, maxWhole)
}

func readFloat(f *field, p unsafe.Pointer) float64 {
	if f.kind == reflect.Float32 {
		return float64(*(*float32)(p))
	}
	return *(*float64)(p)
}

func readInt(f *field, p unsafe.Pointer) int64 {
	switch f.kind {
	case reflect.Int:
		return int64(*(*int)(p))
	case reflect.Int8:
		return int64(*(*int8)(p))
	case reflect.Int16:
		return int64(*(*int16)(p))
	case reflect.Int32:
		return int64(*(*int32)(p))
	case reflect.Uint8:
		return int64(*(*uint8)(p))
	case reflect.Uint16:
		return int64(*(*uint16)(p))
	case reflect.Uint32:
		return int64(*(*uint32)(p))
	}
	return *(*int64)(p)
}
