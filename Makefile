# Every target but bench and clients needs Go alone. Lint's tools build from tools/go.mod.

GO       ?= go
TOOL      = $(GO) tool -modfile=tools/go.mod
FUZZTIME ?= 20s
QUICK    ?=

# The race detector wants a C compiler; go env says whether there is one.
RACE := $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)

# Packages whose tests keep golden files.
GOLDEN = $(sort $(dir $(shell grep -rlE --include='*_test.go' 'exp/golden|flag\.Bool.*"update"' .)))

# Where other people's code for clients is kept, 300 MB: not among our own.
CLIENTS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/igloo/clients

# The release build leaves out HTTP/2, half a megabyte: whoever talks to igloo, and
# whoever it talks to, speaks HTTP/1.1.

.PHONY: help build run test clients lint bench fuzz golden check

## help:    this list
help:
	@sed -n 's/^## //p' Makefile

## build:   ./igloo, static and stripped
build:
	CGO_ENABLED=0 $(GO) build -trimpath -tags nethttpomithttp2 -ldflags "-s -w" -o igloo$(shell $(GO) env GOEXE) ./cmd/igloo

## run:     igloo with its sample app and no tunnel: press f to fire a fixture
run:
	$(GO) run ./cmd/igloo --demo

## test:    every test, offline, with the race detector where there is a C compiler
test:
	$(GO) test $(RACE) $(TESTFLAGS) ./...

## clients: igloo beside webhook code of others, installed from npm and Debian
clients:
	cmd/igloo/testdata/clients/install "$(CLIENTS)"
	IGLOO_REQUIRE_ALL=1 IGLOO_CLIENTS="$(CLIENTS)" $(GO) test -tags clients -count=1 -run '^TestClients$$' ./cmd/igloo

## lint:    vet, format, golangci-lint, go fix, go mod tidy: says what is wrong, changes nothing
lint:
	$(GO) vet ./...
	$(TOOL) golangci-lint config verify
	$(TOOL) golangci-lint fmt --diff
	$(TOOL) golangci-lint run
	$(GO) fix -diff ./...
	$(GO) mod tidy -diff
	cd tools && $(GO) mod tidy -diff

## bench:   igloo beside ReverseProxy, nginx and mitmdump; QUICK=1 for a short look
bench:
	$(GO) run ./bench $(if $(QUICK),-quick)

## fuzz:    each fuzz target for FUZZTIME (20s)
fuzz:
	.ci/fuzz $(FUZZTIME)

## golden:  write the golden files anew; look at the diff before you commit it
golden:
	$(GO) test $(GOLDEN) -update

## check:   what CI runs
check:
	bash .ci/run
