module goservice

go 1.26.0

require github.com/syumai/workers v0.33.0
