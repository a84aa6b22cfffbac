# SPDX-License-Identifier: GPL-2.0-or-later
# Test targets: programs whose truth is known, built into $(BUILD)/targets/.
# Those in Rust and Go are made only where their compilers are, and sdt where systemtap's header is.

targets_dir := $(BUILD)/targets
targets_src := tests/targets
TARGET_CFLAGS   := -O2 -g -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -Itests/targets
TARGET_CXXFLAGS := -O2 -g -std=gnu++17 -Wall -Wextra -Werror -D_GNU_SOURCE -Itests/targets
CXX   ?= g++
RUSTC ?= $(shell command -v rustc 2>/dev/null)
GO    ?= $(shell command -v go 2>/dev/null)
MUSL_GCC ?= $(shell command -v musl-gcc 2>/dev/null)
SDT_H ?= $(wildcard /usr/include/sys/sdt.h /usr/include/*/sys/sdt.h)

targets_c  := timed keyed values turner cost jumper hot deep canceller fibers jailed spawner inside plugger marked marked_cost opener syncer waits waiting paths chain unframed asker answerer leaver vectors ported
targets_cc := thrower names marked_cxx service

# One program as linkers, C libraries and distributions make it.
target_files := $(addprefix $(targets_dir)/, timed.static timed.static_pie timed.no_pie fibers.static \
	$(if $(MUSL_GCC),timed.musl timed.musl_static))

# As Go's linker makes them: plain, without symbols, position independent, and by C's linker with all that.
go_files := gowork gowork.stripped gowork.pie gowork.cgo

# Files that unit tests read.
debug_files := $(addprefix $(targets_dir)/, timed.stripped timed.minidebug timed.linked timed.crc)
chain_files := $(addprefix $(targets_dir)/, chain chain.fp chain.stripped chain.minidebug)
unframed_files := $(addprefix $(targets_dir)/unframed., stripped no_pie)
typed_files := $(addprefix $(targets_dir)/, typed.4 typed.5 typed.gz typed.1 typed.clang typed_cxx.4 typed_cxx.5)
$(BUILD)/unit/test_debugfile: | $(debug_files)
$(BUILD)/unit/test_stack $(BUILD)/unit/test_unwind: | $(chain_files) $(targets_dir)/libshared.so
$(BUILD)/unit/test_types: | $(debug_files) $(typed_files)

target_programs := $(targets_c:%=$(targets_dir)/%) $(targets_cc:%=$(targets_dir)/%) \
	$(addprefix $(targets_dir)/, pipeline causes canceller_plain waiting_cxx libcalls many plugin.so \
		$(if $(RUSTC),panicker) $(if $(GO),goserver $(go_files)) \
		$(if $(SDT_H),sdt)) \
	$(target_files) $(debug_files) $(typed_files) $(chain_files) $(unframed_files)

# What the fuzzer of ELF files begins with; it would not come upon such files by itself.
fuzz_seeds := $(addprefix $(targets_dir)/, marked names timed.minidebug typed.4 typed.gz typed.clang typed_cxx.5)
.PHONY: fuzz-seeds
fuzz-seeds: $(fuzz_seeds)
	@mkdir -p $(BUILD)/seeds/elf && cp $(fuzz_seeds) $(BUILD)/seeds/elf/

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

# So that the kernel finds the callers of what waits.
$(addprefix $(targets_dir)/,waits paths): target_flags := -fno-omit-frame-pointer

# So that an exception may pass through its functions.
$(targets_dir)/plugger: target_flags := -fexceptions

# Those that mark by themselves what they do.
$(addprefix $(targets_dir)/,marked marked_cost marked_cxx): target_flags := -Isdk

$(targets_dir)/plugin.so: $(targets_src)/plugin.cc
	@mkdir -p $(@D)
	$(CXX) $(TARGET_CXXFLAGS) -fPIC -shared -o $@ $<

$(targets_dir)/timed.stripped: $(targets_dir)/timed
	strip -o $@ $<

# ---- Files of all sorts --------------------------------------------------------------------------
$(targets_dir)/timed.static: target_flags := -static -no-pie
$(targets_dir)/timed.static_pie: target_flags := -static-pie
$(targets_dir)/timed.no_pie: target_flags := -no-pie

$(addprefix $(targets_dir)/timed., static static_pie no_pie): $(targets_src)/timed.c $(targets_src)/common.h
	@mkdir -p $(@D)
	$(CC) $(TARGET_CFLAGS) $(target_flags) -o $@ $< -lpthread

$(targets_dir)/fibers.static: $(targets_src)/fibers.c $(targets_src)/common.h
	@mkdir -p $(@D)
	$(CC) $(TARGET_CFLAGS) -static -o $@ $<

$(targets_dir)/timed.musl_static: target_flags := -static
$(addprefix $(targets_dir)/timed., musl musl_static): $(targets_src)/timed.c $(targets_src)/common.h
	@mkdir -p $(@D)
	$(MUSL_GCC) $(TARGET_CFLAGS) $(target_flags) -o $@ $<

$(targets_dir)/timed.minidebug: $(targets_dir)/timed $(targets_src)/minidebug
	$(targets_src)/minidebug $< $@

# As its source says, and with frame pointers; and without the names of its functions, and with them packed.
$(targets_dir)/chain: target_flags := -fomit-frame-pointer
$(targets_dir)/chain.fp: $(targets_src)/chain.c $(targets_src)/common.h
	@mkdir -p $(@D)
	$(CC) $(TARGET_CFLAGS) -fno-omit-frame-pointer -DFRAME_POINTERS -o $@ $< -lpthread

$(targets_dir)/chain.stripped: $(targets_dir)/chain
	strip -o $@ $<

$(targets_dir)/chain.minidebug: $(targets_dir)/chain $(targets_src)/minidebug
	$(targets_src)/minidebug $< $@

# Callers are found by .eh_frame alone, with or without names, wherever the program lies.
$(targets_dir)/unframed $(targets_dir)/unframed.no_pie: target_flags := -fomit-frame-pointer
$(targets_dir)/unframed.no_pie: $(targets_src)/unframed.c $(targets_src)/common.h
	@mkdir -p $(@D)
	$(CC) $(TARGET_CFLAGS) $(target_flags) -no-pie -o $@ $< -lpthread

$(targets_dir)/unframed.stripped: $(targets_dir)/unframed
	strip -o $@ $<

# Its debug file lies beside it and has its build id.
$(targets_dir)/timed.linked: $(targets_dir)/timed
	objcopy --only-keep-debug $< $@.debug
	objcopy --strip-all --add-gnu-debuglink=$@.debug $< $@

# Its debug file lies in .debug/, and there is no build id: the checksum decides.
$(targets_dir)/timed.crc: $(targets_src)/timed.c $(targets_src)/common.h
	@mkdir -p $(@D)/.debug
	$(CC) $(TARGET_CFLAGS) -Wl,--build-id=none -o $@ $< -lpthread
	objcopy --only-keep-debug $@ $(@D)/.debug/$(@F).debug
	objcopy --strip-all --add-gnu-debuglink=$(@D)/.debug/$(@F).debug $@

# What debug information says of types, in its versions and by both compilers.
$(targets_dir)/typed.4 $(targets_dir)/typed_cxx.4: target_flags := -gdwarf-4
$(targets_dir)/typed.5 $(targets_dir)/typed_cxx.5: target_flags := -gdwarf-5
$(targets_dir)/typed.gz: target_flags := -gz
$(targets_dir)/typed.1: target_flags := -g1

$(addprefix $(targets_dir)/typed., 4 5 gz 1): $(targets_src)/typed.c
	@mkdir -p $(@D)
	$(CC) $(TARGET_CFLAGS) $(target_flags) -fPIC -shared -o $@ $<

$(targets_dir)/typed.clang: $(targets_src)/typed.c
	@mkdir -p $(@D)
	$(CLANG) $(TARGET_CFLAGS) -fPIC -shared -o $@ $<

$(targets_dir)/typed_cxx.4 $(targets_dir)/typed_cxx.5: $(targets_src)/typed_cxx.cc
	@mkdir -p $(@D)
	$(CXX) $(TARGET_CXXFLAGS) $(target_flags) -fPIC -shared -o $@ $<

# ---- Others --------------------------------------------------------------------------------------
$(targets_dir)/canceller_plain: $(targets_src)/canceller.c $(targets_src)/common.h
	@mkdir -p $(@D)
	$(CC) $(TARGET_CFLAGS) -DPLAIN -o $@ $< -lpthread

# Left by an exception.
$(targets_dir)/waiting_cxx: $(targets_src)/waiting.c $(targets_src)/common.h
	@mkdir -p $(@D)
	$(CXX) $(TARGET_CXXFLAGS) -x c++ -o $@ $<

$(targets_dir)/libshared.so: $(targets_src)/libshared.c $(targets_src)/common.h
	@mkdir -p $(@D)
	$(CC) $(TARGET_CFLAGS) -fPIC -shared -o $@ $<

$(targets_dir)/libcalls: $(targets_src)/libcalls.c $(targets_dir)/libshared.so $(targets_src)/common.h
	$(CC) $(TARGET_CFLAGS) -o $@ $< -L$(@D) -lshared -Wl,-rpath,'$$ORIGIN'

$(targets_dir)/libsdt.so: $(targets_src)/libsdt.c $(targets_src)/libsdt.h
	@mkdir -p $(@D)
	$(CC) $(TARGET_CFLAGS) -fPIC -shared -o $@ $<

$(targets_dir)/sdt: $(targets_src)/sdt.c $(targets_dir)/libsdt.so $(targets_src)/libsdt.h $(targets_src)/common.h
	$(CC) $(TARGET_CFLAGS) -o $@ $< -L$(@D) -lsdt -Wl,-rpath,'$$ORIGIN' -lpthread

$(targets_dir)/many.c: $(targets_src)/gen-many
	@mkdir -p $(@D)
	$< 2500 > $@.tmp && mv $@.tmp $@

$(targets_dir)/many: $(targets_dir)/many.c $(targets_src)/common.h
	$(CC) $(TARGET_CFLAGS) -g0 -o $@ $<

$(targets_dir)/panicker: $(targets_src)/panicker.rs
	@mkdir -p $(@D)
	MAKEFLAGS= $(RUSTC) --edition 2018 -O -g -D warnings -o $@ $<

# Nothing is fetched: the programs need the standard library only.
go_build = GO111MODULE=off GOFLAGS= GOPROXY=off CGO_ENABLED=$(or $(go_cgo),0) \
	GOCACHE=$(abspath $(BUILD))/go-cache $(GO) build $(go_flags) -o $@ $<

$(targets_dir)/goserver: $(targets_src)/goserver.go
	@mkdir -p $(@D)
	$(go_build)

$(targets_dir)/gowork.stripped: go_flags := -ldflags="-s -w"
$(targets_dir)/gowork.pie: go_flags := -buildmode=pie
$(targets_dir)/gowork.cgo: go_flags := -buildmode=pie -ldflags="-s -w -linkmode=external"
$(targets_dir)/gowork.cgo: go_cgo := 1

$(go_files:%=$(targets_dir)/%): $(targets_src)/gowork.go
	@mkdir -p $(@D)
	$(go_build)

# ---- Programs of several files: the sample trading pipeline, and what is slow for a known cause ------------
programs_of_parts := pipeline causes
parts_of = $(patsubst $(targets_src)/%.c,$(targets_dir)/obj/%.o,$(wildcard $(targets_src)/$(1)/*.c))

$(foreach p,$(programs_of_parts),$(call parts_of,$(p))): $(targets_dir)/obj/%.o: $(targets_src)/%.c
	@mkdir -p $(@D)
	$(CC) $(TARGET_CFLAGS) -MMD -MP -c $< -o $@

$(targets_dir)/pipeline: $(call parts_of,pipeline)
$(targets_dir)/causes: $(call parts_of,causes)
$(programs_of_parts:%=$(targets_dir)/%):
	$(CC) $(TARGET_CFLAGS) -o $@ $^ -lpthread
