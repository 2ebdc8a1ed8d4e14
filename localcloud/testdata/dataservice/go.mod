module github.com/tamylaa/clodo/localcloud/testdata/dataservice

go 1.26.0

require github.com/tamylaa/clodo v0.0.0

replace github.com/tamylaa/clodo => ../../..
