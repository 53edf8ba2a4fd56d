# The handful of things people do with Weft's sources; meson and ninja do the work below.

BUILD ?= build
SECONDS_PER_TARGET ?= 10
SOAK_MINUTES ?= 60
TOPOLOGIES ?=
TOPOLOGY_SECONDS ?= 900
PREFIX ?= /usr/local
# Jobs at a time; every core by default.
JOBS ?= $(shell nproc)

.PHONY: all build web-packages deps deps-check kernel demo check check-web lint bench topologies fuzz hostile soak install soak-pools soak-labs live-policies clean help

all: build

help:
	@echo 'make          builds weft and weftd in $(BUILD)/ (make deps first on a new machine)'
	@echo 'make deps     installs the Debian packages that building and running need'
	@echo 'make demo     brings up examples/demo.weft.yaml, shows it at work and removes it (installs what is missing first)'
	@echo 'make check    all tests: unit, golden, simulation, fuzz, system, interop (installs what is missing first)'
	@echo 'make check-web  the window in a headless Chromium (which must be installed), with the demo lab'
	@echo 'make lint     layout, floors, lengths, names, spelling, clang-tidy, both compilers'
	@echo 'make bench    measurements; make fuzz: fuzz targets, SECONDS_PER_TARGET=$(SECONDS_PER_TARGET) each; make soak: SOAK_MINUTES=$(SOAK_MINUTES)'
	@echo 'make soak-pools, make soak-labs: ctl killed a thousand times while numbers are given; a hundred labs at random for ten minutes'
	@echo 'make live-policies  twelve guests under each policy, within a second of what the simulator says; at most 25 minutes, on a quiet host'
	@echo 'make topologies  OSPF on every TOPOLOGIES=DIRECTORY/*.txt ("A B COST" a link), simulated, at most TOPOLOGY_SECONDS=$(TOPOLOGY_SECONDS)'
	@echo 'make hostile  a guest that puts a million bad states into its rings, beside two good ones'
	@echo 'make install  into PREFIX=$(PREFIX) (DESTDIR is heeded); make clean: removes the build directories'

build: web-packages $(BUILD)/build.ninja
	@ninja -C $(BUILD) -j $(JOBS) --quiet

$(BUILD)/build.ninja:
	@command -v meson >/dev/null && command -v ninja >/dev/null && command -v cc >/dev/null || \
		{ echo 'The build tools are missing. Run: make deps'; exit 1; }
	@meson setup $(BUILD) >$(BUILD).log 2>&1 || { tail -20 $(BUILD).log; echo 'If a library is missing, run: make deps'; exit 1; }
	@rm -f $(BUILD).log

deps:
	@tools/setup run

deps-check:
	@tools/setup run check

# What the window is made of; without the network weft is built without it.
web-packages:
	@tools/fetch-web-packages || true

# What builtin:tiny is made of; needs no root.
kernel: deps
	@tools/fetch-guest-kernel $(BUILD)/guest

demo: deps kernel
	@$(MAKE) --no-print-directory build
	@tools/demo $(BUILD)

check: deps-check kernel
	@tools/check unit golden sim fuzz system interop

check-web: deps kernel build
	@test/web/window.py $(BUILD) doc/window.png

lint: deps-check
	@tools/lint

bench: build
	@[ -x bench/run ] || { echo 'There are no measurements yet.'; exit 3; }
	@bench/run $(BUILD)

# Real networks, as the Internet Topology Zoo and SNDlib describe them, are not part of the sources.
topologies: build
	@[ -d "$(TOPOLOGIES)" ] || { echo 'Say where they are: make topologies TOPOLOGIES=DIRECTORY'; exit 2; }
	@time -p env WEFT_SIM_TOPOLOGIES="$(TOPOLOGIES)" timeout $(TOPOLOGY_SECONDS) $(BUILD)/test/sim/ospf_sim_test

fuzz: deps-check
	@tools/fuzz $(SECONDS_PER_TARGET)

# A million bad states of a hostile guest's rings; some 30 minutes.
hostile: deps-check build
	@STATES=1000000 SCRIPT_SECONDS=3600 test/system/run test/system/hostile_guest.sh

# Bounded by what they do: ctl killed a thousand times while numbers are given (some 20 minutes), a hundred labs at random for ten minutes.
soak-pools: deps-check build
	@SCRIPT_SECONDS=5400 test/system/run test/soak/pools.sh

soak-labs: deps-check kernel build
	@SCRIPT_SECONDS=1200 test/system/run test/soak/labs.sh

# Twelve guests under each policy beside the simulator's prediction: on a quiet host, within a second.
live-policies: deps-check kernel build
	@GUESTS=12 POLICIES="fcfs rr priority priority-preemptive" TOLERANCE_S=1 timeout 1500 test/system/queue_live.sh

soak: deps-check kernel build
	@test/system/run --soak $(SOAK_MINUTES)

install: build
	@meson configure $(BUILD) --prefix $(PREFIX) >/dev/null
	@meson install -C $(BUILD) --quiet

clean:
	@rm -rf build build-*
