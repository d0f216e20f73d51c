# What a change needs, and what CI runs, in the same words. CI is .ci/run: make test, then make lint.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
CONFIG ?=
ARGS ?=
# Cgo is used for the race detector and for nothing else.
export CGO_ENABLED := 0

# The end-to-end tests need peers that only scripts/setup brings: they carry this tag, so that `go test ./...` needs nothing.
E2E := -tags interop

# The parts of a target take turns: they share two cores, and some of them measure.
.NOTPARALLEL:

.PHONY: help build run test unit allocs fuzz e2e vet check soak lint fmt bench lab clean

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

build: ## the one static binary, bin/gatehouse
	@scripts/setup run
	$(GO) build -trimpath -o bin/gatehouse ./cmd/gatehouse

run: build ## the demo call, or your own border: make run CONFIG=file
ifeq ($(CONFIG),)
	bin/gatehouse demo $(ARGS)
else
	bin/gatehouse run -c $(CONFIG) $(ARGS)
endif

test: ## everything a change needs, in a few minutes
	@scripts/setup test
	@$(MAKE) --no-print-directory vet unit allocs fuzz e2e

vet:
	$(GO) vet $(E2E) ./...

unit:
	CGO_ENABLED=1 $(GO) test -race -shuffle=on -count=2 ./...

# The race detector allocates and slows: what is promised of allocations, and what it leaves out, is checked without it.
allocs:
	$(GO) test -run Alloc $$(grep -rlE --include='*_test.go' '^func Test[A-Za-z0-9_]*Alloc' . | xargs -n 1 dirname | sort -u)
	$(GO) test $$(grep -rlE --include='*_test.go' 'if raceEnabled' . | xargs -n 1 dirname | sort -u)

fuzz:
	scripts/fuzz smoke

e2e:
	$(GO) test $(E2E) -count=1 -timeout 8m ./scripts/interop

check: test lint ## test and lint, and the long ones: fuzzing, soak, floods
	scripts/fuzz long
	$(MAKE) --no-print-directory soak

soak:
	$(GO) test -tags 'interop soak' -run 'Soak|Flood' -count=1 -timeout 60m -v ./scripts/interop

lint: ## format, golangci-lint, go vet
	@scripts/setup lint
	@out=$$(gofmt -l .); [[ -z $$out ]] || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	$(GO) vet $(E2E) ./...
	.bin/golangci-lint run

fmt:
	gofmt -w .

bench: build ## reading beside sipgo, CPU and memory of a call beside Kamailio with rtpengine, in one sitting
	@scripts/setup bench
	scripts/bench/run parse
	scripts/bench/run compare
	scripts/bench/run leak
	scripts/bench/run memory

lab: build ## what needs root: calls between network namespaces
	@scripts/setup lab
	scripts/lab/run

clean:
	rm -rf bin
