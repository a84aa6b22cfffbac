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
	install -m 0755 "$vm_dir/leave" "$root/bin/leave"
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

# Makes $vm_dir/initramfs.gz.
build_initramfs() {
	mkdir -p "$vm_dir"
	gcc -static -O2 -Wall -Wextra -Werror -o "$vm_dir/leave" tests/vm/leave.c &&
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
