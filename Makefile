# SPDX-License-Identifier: GPL-2.0-or-later
# Everything is built under $(BUILD). The first lines of each part say what it makes.

BUILD   ?= build
ARCH    := $(shell uname -m)
ifeq ($(origin CC),default)
CC      := gcc
endif
CLANG   ?= $(firstword $(shell command -v clang clang-14 clang-16 clang-19 2>/dev/null) clang)
LLVM_STRIP ?= $(firstword $(shell command -v llvm-strip llvm-strip-14 llvm-strip-16 llvm-strip-19 2>/dev/null) llvm-strip)
BPFTOOL ?= $(firstword $(shell command -v bpftool /usr/sbin/bpftool 2>/dev/null) bpftool)
PREFIX  ?= /usr/local
VERSION := 0.1.0

# V=1 shows the commands.
ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-5s %s\n'
endif

# DIRS narrows the build to some folders of user/ (with the tests that need no others).
DIRS ?= base probe stack kernel monitor config handler output capture report first cli

# What tools/deps has built.
DEPS      ?= $(BUILD)/deps
deps_root := $(DEPS)/usr
CPPFLAGS  += -D_GNU_SOURCE -DLAPSE_VERSION='"$(VERSION)"' -I. -Iuser -isystem $(deps_root)/include -I$(BUILD)/skel
CFLAGS    ?= -O2 -g
CFLAGS    += -std=gnu11 -Wall -Wextra -Werror -fno-omit-frame-pointer
LDLIBS    += $(deps_root)/lib64/libbpf.a -ldw -lelf -lz -llzma -lcapstone -liberty -lyaml -ljansson -lsqlite3 -lpthread -lm

sources := $(wildcard $(DIRS:%=user/%/*.c))
library := $(BUILD)/liblapse.a
objects := $(patsubst %.c,$(BUILD)/cc/%.o,$(filter-out user/cli/main.c,$(sources)))
headers_bpf := $(wildcard bpf/*.h)

.PHONY: all
all: $(BUILD)/lapse

# ---- BPF: one object, one skeleton ------------------------------------------------------------------
bpf_sources := $(wildcard bpf/*.bpf.c)
bpf_objects := $(bpf_sources:bpf/%.bpf.c=$(BUILD)/bpf/%.bpf.o)
BPF_CFLAGS  := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(subst x86_64,x86,$(ARCH)) \
	-Wall -Wextra -Wno-unused-parameter -Werror -I. -Ivmlinux/$(ARCH) -isystem $(deps_root)/include \
	-idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(say) BPF $<
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

# The same once more for kernels before 5.15: bpf/compat.h.
$(BUILD)/bpf/%.old.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(say) BPF "$< (old kernels)"
	$(Q)$(CLANG) $(BPF_CFLAGS) -DLAPSE_OLD -MMD -MP -c $< -o $@

# Without the labels of branches, thousands of symbols that libbpf would walk through at each start.
link_bpf = $(Q)$(BPFTOOL) gen object $@.tmp $^ && $(LLVM_STRIP) --wildcard --strip-symbol="LBB*" $@.tmp && mv $@.tmp $@

$(BUILD)/bpf/lapse.linked.o: $(bpf_objects)
	$(say) LINK $@
	$(link_bpf)

$(BUILD)/bpf/lapse_old.linked.o: $(bpf_sources:bpf/%.bpf.c=$(BUILD)/bpf/%.old.o)
	$(say) LINK $@
	$(link_bpf)

# The numbers of system calls, from the kernel's own header.
$(BUILD)/skel/syscall_names.h: Makefile
	@mkdir -p $(@D)
	$(say) GEN $@
	$(Q)echo '#include <asm/unistd.h>' | $(CC) -E -dM - | \
		sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/{"\1", \2},/p' | sort > $@.tmp && mv $@.tmp $@

$(BUILD)/cc/user/probe/syscalls.o: $(BUILD)/skel/syscall_names.h

# The styles and the script of a report's page, as strings.
$(BUILD)/skel/report_page.h: user/report/page.css user/report/page.js
	@mkdir -p $(@D)
	$(say) GEN $@
	$(Q)for part in css js; do echo "static const char page_$$part[] ="; \
		sed -e 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' user/report/page.$$part; echo ';'; done > $@.tmp && mv $@.tmp $@

$(BUILD)/cc/user/report/html.o: $(BUILD)/skel/report_page.h

$(BUILD)/skel/%.skel.h: $(BUILD)/bpf/%.linked.o
	@mkdir -p $(@D)
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp && mv $@.tmp $@

# Sources include them: they stay.
.SECONDARY: $(BUILD)/skel/lapse.skel.h $(BUILD)/skel/lapse_old.skel.h

# One skeleton serves both objects: they must have the same maps and programs, and the same variables at the
# same places.
$(BUILD)/skel/%.layout: $(BUILD)/skel/%.skel.h
	$(Q)sed -n '/^struct $*_bpf {/,/^};/{s/$*_bpf/bpf/g;p}' $< > $@.tmp
	$(Q)(grep 'struct bpf_' $@.tmp | sort; grep -v 'struct bpf_' $@.tmp) > $@

$(BUILD)/skel/same: $(BUILD)/skel/lapse.layout $(BUILD)/skel/lapse_old.layout
	$(Q)diff $^ && touch $@

# ---- User space: all but main.c in one archive, which tests and fuzzers link --------------------
$(filter $(BUILD)/cc/user/kernel/%,$(objects)): | $(BUILD)/skel/same

$(BUILD)/cc/%.o: %.c
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(library): $(objects)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/lapse: $(BUILD)/cc/user/cli/main.o $(library)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# ---- Test targets: programs whose truth is known -------------------------------------------------
include tests/targets/targets.mk
include sdk/sdk.mk

# ---- Tests ---------------------------------------------------------------------------------------
# check is what CI runs: it installs what is missing, builds, and runs everything, counting.
.PHONY: check check-lint check-clang check-unit check-asan check-fuzz check-native check-vm
check: need-root deps-test
	@tools/check lint clang unit asan fuzz native vm

check-lint:
	@tools/lint

# The other compiler's warnings, over the same sources.
check-clang:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/clang CC=$(CLANG) DEPS=$(DEPS) all bench-objects

# Unit tests: tests/unit/test_NAME.c, one program each.
unit_tests ?= $(patsubst tests/unit/test_%.c,%,$(wildcard tests/unit/test_*.c))
unit_programs := $(unit_tests:%=$(BUILD)/unit/test_%)

$(BUILD)/unit/test_%: $(BUILD)/cc/tests/unit/test_%.o $(library)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(library) $(LDLIBS) -lcmocka

# The monitor once more, plain and slow, which it is compared with.
$(BUILD)/unit/test_model $(BUILD)/unit/test_same: $(patsubst %,$(BUILD)/cc/tests/unit/%.o,model model_facts model_objective model_budget model_judge model_alert)

.PHONY: unit-programs
unit-programs: $(unit_programs)
check-unit: $(unit_programs)
	@fail=0; for t in $(unit_programs); do echo "== $$t"; $$t || fail=1; done; exit $$fail

# The same with the address and undefined-behaviour sanitizers, of the objects that the fuzzers are made of, too.
.PHONY: asan asan-programs
sanitized_build := $(BUILD)/sanitized
sanitized := $(MAKE) --no-print-directory BUILD=$(sanitized_build) DEPS=$(DEPS) CC=$(CLANG) \
	CFLAGS="-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all"
asan-programs:
	+@$(sanitized) LDFLAGS="-fsanitize=address,undefined" unit-programs
asan check-asan:
	+@$(sanitized) LDFLAGS="-fsanitize=address,undefined" check-unit

# Fuzzers of every parser of foreign bytes; FUZZ_SECONDS each.
FUZZ_SECONDS ?= 10
fuzz_names := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz_build := $(BUILD)/fuzz
fuzz_programs := $(fuzz_names:%=$(sanitized_build)/fuzz_%)
.PHONY: fuzz fuzz-programs
fuzz-programs:
	+@$(sanitized) LDFLAGS="-fsanitize=fuzzer,address,undefined" $(fuzz_programs)
$(BUILD)/fuzz_%: $(BUILD)/cc/tests/fuzz/fuzz_%.o $(library)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(library) $(LDLIBS)
fuzz check-fuzz: fuzz-programs fuzz-seeds $(fuzz_names:%=fuzz-run-%)

.PHONY: $(fuzz_names:%=fuzz-run-%)
$(fuzz_names:%=fuzz-run-%): fuzz-run-%: fuzz-programs fuzz-seeds
	@mkdir -p $(fuzz_build)/corpus/$*
	@echo "== fuzz_$*"; $(sanitized_build)/fuzz_$* -max_total_time=$(FUZZ_SECONDS) -print_final_stats=0 \
		-artifact_prefix=$(fuzz_build)/ $(fuzz_build)/corpus/$* $$(ls -d tests/data/$* $(BUILD)/seeds/$* 2>/dev/null) \
		>$(fuzz_build)/$*.log 2>&1 || { tail -n 40 $(fuzz_build)/$*.log; exit 1; }

# End to end, on this kernel.
check-native: all targets
	@tests/e2e/run

# End to end, on the kernels of Debian's releases, in QEMU.
check-vm: all targets
	@tests/vm/run

# A machine for a person, with lapse and the targets in it: make vm-shell KERNEL=6.1
.PHONY: vm-shell
vm-shell: all targets
	@[ -n "$(KERNEL)" ] || { echo "which kernel? make vm-shell KERNEL=6.1; tools/vm list shows them" >&2; exit 2; }
	@tools/vm shell $(KERNEL)

# What tools/bench builds for itself when it runs has to go with the rest before that.
.PHONY: bench-objects
bench-objects: $(patsubst %.c,$(BUILD)/cc/%.o,$(wildcard tools/bench.d/*.c))

.PHONY: bench
bench: all targets
	@tools/bench --quick

# Precision and recall of alerts, over 200 runs.
.PHONY: bench-alerts
bench-alerts: all targets
	@tools/bench-alerts

.PHONY: need-root
need-root:
	@[ "$$(id -u)" = 0 ] || { echo "this attaches to processes and needs root: sudo make $(MAKECMDGOALS)" >&2; exit 1; }

# ---- The rest ------------------------------------------------------------------------------------
.PHONY: demo deps deps-test format install clean
demo: need-root deps
	@$(MAKE) --no-print-directory all targets
	@tools/demo

deps:
	@BUILD=$(abspath $(BUILD)) tools/deps build
deps-test:
	@BUILD=$(abspath $(BUILD)) tools/deps test

format:
	clang-format -i $$(git ls-files 'bpf/*.[ch]' 'user/*.[ch]' 'tests/*.[ch]' 'vmlinux/*.h')

install: all
	install -D -m 0755 $(BUILD)/lapse $(DESTDIR)$(PREFIX)/bin/lapse
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/lapse/contracts contracts/*.yaml
	install -D -m 0644 docs/lapse.8 $(DESTDIR)$(PREFIX)/share/man/man8/lapse.8
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man5 docs/lapse-contracts.5 docs/lapse-capture.5

clean:
	find $(BUILD) -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} +

-include $(shell find $(BUILD)/cc $(BUILD)/bpf $(BUILD)/targets -type f -name '*.d' 2>/dev/null)
