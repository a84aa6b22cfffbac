# SPDX-License-Identifier: GPL-2.0-or-later
# Test targets: programs whose truth is known, built into $(BUILD)/targets/.
# Those in Rust and Go are made only where their compilers are.

targets_dir := $(BUILD)/targets
targets_src := tests/targets
TARGET_CFLAGS   := -O2 -g -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -Itests/targets
TARGET_CXXFLAGS := -O2 -g -std=gnu++17 -Wall -Wextra -Werror -D_GNU_SOURCE -Itests/targets
CXX   ?= g++
RUSTC ?= $(shell command -v rustc 2>/dev/null)
GO    ?= $(shell command -v go 2>/dev/null)

targets_c  := timed cost jumper hot deep canceller fibers jailed spawner inside plugger marked
targets_cc := thrower names marked_cxx

target_programs := $(targets_c:%=$(targets_dir)/%) $(targets_cc:%=$(targets_dir)/%) \
	$(addprefix $(targets_dir)/, pipeline canceller_plain libcalls many timed.stripped plugin.so \
		$(if $(RUSTC),panicker) $(if $(GO),goserver))

.PHONY: targets
targets: $(target_programs)

$(targets_c:%=$(targets_dir)/%): $(targets_dir)/%: $(targets_src)/%.c
	@mkdir -p $(@D)
	$(CC) $(TARGET_CFLAGS) $(target_flags) -MMD -MP -MF $@.d -o $@ $< -lpthread

$(targets_cc:%=$(targets_dir)/%): $(targets_dir)/%: $(targets_src)/%.cc
	@mkdir -p $(@D)
	$(CXX) $(TARGET_CXXFLAGS) $(target_flags) -MMD -MP -MF $@.d -o $@ $<

# Functions that begin with endbr64, as distributions built with CET have them.
$(targets_dir)/timed: target_flags := $(if $(filter x86_64,$(ARCH)),-fcf-protection=full)

# So that an exception may pass through its functions.
$(targets_dir)/plugger: target_flags := -fexceptions

# Those that mark by themselves what they do.
$(targets_dir)/marked $(targets_dir)/marked_cxx: target_flags := -Isdk

$(targets_dir)/plugin.so: $(targets_src)/plugin.cc
	@mkdir -p $(@D)
	$(CXX) $(TARGET_CXXFLAGS) -fPIC -shared -o $@ $<

$(targets_dir)/timed.stripped: $(targets_dir)/timed
	strip -o $@ $<

$(targets_dir)/canceller_plain: $(targets_src)/canceller.c $(targets_src)/common.h
	@mkdir -p $(@D)
	$(CC) $(TARGET_CFLAGS) -DPLAIN -o $@ $< -lpthread

$(targets_dir)/libshared.so: $(targets_src)/libshared.c $(targets_src)/common.h
	@mkdir -p $(@D)
	$(CC) $(TARGET_CFLAGS) -fPIC -shared -o $@ $<

$(targets_dir)/libcalls: $(targets_src)/libcalls.c $(targets_dir)/libshared.so $(targets_src)/common.h
	$(CC) $(TARGET_CFLAGS) -o $@ $< -L$(@D) -lshared -Wl,-rpath,'$$ORIGIN'

$(targets_dir)/many.c: $(targets_src)/gen-many
	@mkdir -p $(@D)
	$< 2500 > $@.tmp && mv $@.tmp $@

$(targets_dir)/many: $(targets_dir)/many.c $(targets_src)/common.h
	$(CC) $(TARGET_CFLAGS) -g0 -o $@ $<

$(targets_dir)/panicker: $(targets_src)/panicker.rs
	@mkdir -p $(@D)
	MAKEFLAGS= $(RUSTC) --edition 2018 -O -g -D warnings -o $@ $<

# Nothing is fetched: the program needs the standard library only.
$(targets_dir)/goserver: $(targets_src)/goserver.go
	@mkdir -p $(@D)
	GO111MODULE=off GOFLAGS= GOPROXY=off CGO_ENABLED=0 GOCACHE=$(abspath $(BUILD))/go-cache $(GO) build -o $@ $<

# ---- The sample trading pipeline -----------------------------------------------------------------
pipeline_objects := $(patsubst $(targets_src)/pipeline/%.c,$(targets_dir)/obj/pipeline-%.o,$(wildcard $(targets_src)/pipeline/*.c))

$(pipeline_objects): $(targets_dir)/obj/pipeline-%.o: $(targets_src)/pipeline/%.c
	@mkdir -p $(@D)
	$(CC) $(TARGET_CFLAGS) -MMD -MP -c $< -o $@

$(targets_dir)/pipeline: $(pipeline_objects)
	$(CC) $(TARGET_CFLAGS) -o $@ $^ -lpthread
