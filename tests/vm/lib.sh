# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What tests/vm/run and tools/vm share: the initial file system and the machine that boots it.
# Sourced in the top folder.
# shellcheck disable=SC2034

build=$(realpath "${BUILD:-build}")
vm_dir=$build/vm
kernels=$build/deps/kernels
qemu=$build/deps/qemu/qemu-system-x86_64
vm_targets=(hot timed keyed values turner marked sdt deep jumper thrower canceller fibers jailed asker answerer leaver causes unframed)
vm_helpers=(leave await figure)

# Without arguments: the series of the matrix, fetched or not, oldest first.
known_kernels() {
	(cd "$kernels" 2>/dev/null && printf '%s\n' *.vmlinuz *.missing) |
		sed -n 's/^\([0-9].*\)\.[a-z]*$/\1/p' | sort -uV
}

# Shared libraries of programs, the loader included. Cancelling a thread loads libgcc_s by name.
libraries_of() {
	{
		ldd "$@" | sed -n 's/.*\(=> \|\t\)\(\/[^ ]*\) (.*/\2/p'
		gcc -print-file-name=libgcc_s.so.1
	} | sort -u
}

# NAME of build/targets, or lapse; the guest has little memory and a slow processor.
install_stripped() { # FROM TO
	install -D -m 0755 "$1" "$2" && strip --strip-debug "$2"
}

stage_root() { # ROOT
	local root=$1 name library
	rm -rf "$root"
	mkdir -p "$root"/{bin,targets,dev}
	install -m 0755 "$(command -v busybox)" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	install -m 0755 tests/vm/init tests/vm/guest*.sh "$root/"
	for name in "${vm_helpers[@]}"; do
		install -m 0755 "$vm_dir/$name" "$root/bin/$name" || return 1
	done
	install_stripped "$build/lapse" "$root/bin/lapse" || return 1
	for name in "${vm_targets[@]}"; do
		install -m 0755 "$build/targets/$name" "$root/targets/$name" || return 1
	done
	# What a target brings itself it looks for beside it.
	install -m 0755 "$build/targets/libsdt.so" "$root/targets/" || return 1
	while read -r library; do
		install -D -m 0755 "$library" "$root$library" || return 1
	done < <(libraries_of "$root/bin/lapse" "$root"/targets/* | grep -v "^$root/")
}

build_helpers() {
	local name
	for name in "${vm_helpers[@]}"; do
		gcc -static -O2 -Wall -Wextra -Werror -o "$vm_dir/$name" "tests/vm/$name.c" || return 1
	done
}

# Makes $vm_dir/initramfs.gz.
build_initramfs() {
	mkdir -p "$vm_dir"
	build_helpers &&
		stage_root "$vm_dir/root" &&
		(cd "$vm_dir/root" && find . | cpio -o -H newc --quiet) | gzip -1 >"$vm_dir/initramfs.gz.tmp" &&
		mv "$vm_dir/initramfs.gz.tmp" "$vm_dir/initramfs.gz"
}

# KVM is not asked for: the machines that run this have none. One thread for both processors is as
# fast there and never failed.
boot_arguments() { # KERNEL WORDS_FOR_THE_COMMAND_LINE
	printf '%s\0' -nodefaults -no-user-config -display none -monitor none -no-reboot \
		-machine q35 -accel tcg,thread=single -cpu max -smp 2 -m 512 \
		-device isa-debug-exit,iobase=0xf4,iosize=4 \
		-kernel "$kernels/$1.vmlinuz" -initrd "$vm_dir/initramfs.gz" \
		-append "console=ttyS0 quiet panic=-1 rdinit=/init $2"
}

# A machine whose time is the count of its instructions, 4 ns each, and which skips what it would sleep: what else the
# host has to do is not in its figures. 6.1 on two processors with ten threads more that wanted to run: thirteen tests
# of TCP had all figures within 0.9 ms of the programs' own (a request of 20 ms: 20.32 and 20.30; forty at once: 21.98
# and 22.00); in a plain machine beside it they differed by up to 8 ms (a wait for accept of 50 ms, by the program 57).
# But counting costs: 17 s a test instead of 14 there, and 12 s of processor time to boot instead of 5; programs that
# look at the time-stamp counter again and again pay most. So it is not how all is tested.
own_time() { printf '%s\0' -icount shift=2,sleep=off; }
