# GNU make. No target needs root; `make test` installs what it needs when it is.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unreleased)
TAGS     = urfave_cli_no_docs
LDFLAGS  = -s -w -X main.release=$(VERSION)
ARCHES  ?= amd64 arm64

GOLANGCI_VERSION = v2.15.0
GOLANGCI         = .tools/golangci-lint-$(GOLANGCI_VERSION)

TESTFLAGS ?=
FUZZTIME  ?= 10s
BENCHTIME ?= 1s
KILLS     ?= 500
SOAKS     ?= 1000

export CGO_ENABLED = 0
# Debian keeps ip and iptables where an ordinary user does not look.
export PATH := $(PATH):/usr/sbin:/sbin

.DEFAULT_GOAL = build
.PHONY: help build test lint bench layers faults kill soak trust fuzz cni-rows docs dist clean go

help: ## this text
	@echo "make builds ./nslab. The targets:"
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r t d; do printf '  %-6s %s\n' "$$t" "$$d"; done

# A program that the linker has written lies in the page cache page by page, and
# starts a fifth slower than the same bytes in pieces of 64 KB (docs/performance.md).
lay = @dd if=$(1) of=$(1).laid bs=64k status=none && chmod +x $(1).laid && mv $(1).laid $(1)

build: go ## ./nslab, one static binary
	go build -trimpath -buildvcs=false -tags $(TAGS) -ldflags '$(LDFLAGS)' -o nslab ./cmd/nslab
	$(call lay,nslab)

test: go ## all tests; they run in namespaces of their own, root or not
	@.ci/packages
	go test $(TESTFLAGS) ./...

lint: go $(GOLANGCI) ## the linters, with the rules of the architecture
	$(GOLANGCI) config verify
	$(GOLANGCI) run ./...

$(GOLANGCI):
	mkdir -p .tools
	GOBIN=$(CURDIR)/.tools GOFLAGS= go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv .tools/golangci-lint $@

bench: build ## nslab beside the kernel's own price, ip and Mininet; writes docs/performance.md (QUICK=1 only looks)
	go build -trimpath -buildvcs=false -ldflags '-s -w' -o .tools/floor ./lab/bench/floor
	go build -trimpath -buildvcs=false -o .tools/bench ./lab/bench
	.tools/bench $(if $(QUICK),-quick,-page docs/performance.md) $(BENCHFLAGS)

layers: go ## the Go benchmarks of each layer, for benchstat (BENCHTIME=1s)
	go test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...

faults: go ## every fault at every point of every lesson (an hour); what is left?
	go test ./lab -run '^TestFaults$$' -count=1 -v -timeout 6h -faults all

kill: go ## kill nslab at KILLS=500 random moments in each place; what is left?
	go test ./cmd/nslab -run '^TestKilled$$' -count=1 -v -timeout 6h -kills $(KILLS)

soak: go ## apply, verify, destroy SOAKS=1000 times, ten labs at once; what grows?
	go test ./cmd/nslab -run '^TestSoak$$' -count=1 -v -timeout 6h -soaks $(SOAKS)
	go test ./lab -run '^TestNothingGrows$$' -count=1 -v -timeout 6h -soaks $(SOAKS)

trust: go ## the long runs, and their figures into docs/trust.md (hours)
	.ci/trust

fuzz: go ## every fuzz target for FUZZTIME=10s
	@set -e; for p in $$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
			echo "fuzz $$p $$f $(FUZZTIME)"; \
			go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p; \
		done; \
	done

cni-rows: go ## what CNI wants of a plugin and of a runtime, row by row, and whether it is so
	@go test -count=1 -v -run '^TestRows$$' ./lab/cni ./cmd/nslab | sed -nE '/^FAIL/q1; s/^ +--- (.*): TestRows\/(P|R)/\1  \2/; T; s/_/ /gp'

docs: go ## write docs/man again from the text of --help
	go test ./cmd/nslab -run '^TestManual$$' -update

dist: go ## dist/: an archive for each of ARCHES, and their checksums
	rm -rf dist && mkdir dist
	@set -e; for a in $(ARCHES); do \
		n=nslab-$(VERSION)-linux-$$a; mkdir -p dist/$$n; echo "dist/$$n.tar.gz"; \
		GOARCH=$$a go build -trimpath -buildvcs=false -tags $(TAGS) -ldflags '$(LDFLAGS)' -o dist/$$n/nslab ./cmd/nslab; \
		cp -r README.md LICENSE docs scenarios dist/$$n/; rm -f dist/$$n/scenarios/*.go dist/$$n/docs/*.go; \
		tar -C dist --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw --mtime=@$(EPOCH) -cf - $$n | gzip -n9 > dist/$$n.tar.gz; \
		rm -r dist/$$n; \
	done
	cd dist && sha256sum *.tar.gz > SHA256SUMS

# The date of the commit, so that whoever builds it again gets the same bytes.
EPOCH = $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

clean: ## remove what was built, and the tools
	rm -rf nslab dist .tools

go:
	@command -v go >/dev/null 2>&1 || { echo "make: Go 1.26 or newer is needed: https://go.dev/dl" >&2; exit 3; }
