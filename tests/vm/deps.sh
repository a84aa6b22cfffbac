# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# The part of tools/deps that provides the kernel matrix: QEMU, which before 10 runs new kernels
# badly, and the kernels of Debian's releases. Sourced there; nothing is installed by it.

qemu_wanted=10

# The kernels of the matrix, and the suites that hold them between them.
vm_kernels=(5.10 6.1 6.12 7.2 7.3)
vm_suites=(bullseye bookworm trixie trixie-backports forky sid)

qemu=$deps/qemu/qemu-system-x86_64
kernels=$deps/kernels

qemu_good() { # PROGRAM
	local version
	version=$("$1" --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p')
	[ -n "$version" ] && newer_or_equal "$version" $qemu_wanted
}

# With the libraries that it needs, as packages that this machine lacks.
qemu_packages() { # SUITE
	private_apt -s --no-install-recommends -t "$1" install qemu-system-x86 |
		sed -n 's/^Inst \([^ ]*\) \(\[[^]]*\] \)\?(\([^ ]*\) .*/\1=\3/p'
}

# Unpacked, not installed: it runs from its folder, and the machine's packages stay as they are.
fetch_qemu() {
	local suites list
	suites=("$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)")
	[ "${suites[0]}" != bookworm ] || suites+=(bookworm-backports)
	apt_dir=$deps/qemu/apt
	private_sources deb "${suites[@]}" || return 1
	private_apt update || { say "cannot read the archive's package index"; return 1; }
	mapfile -t list < <(qemu_packages "${suites[-1]}")
	[ ${#list[@]} -gt 0 ] || { say "qemu-system-x86 is not in the archive"; return 1; }
	say "fetching QEMU (${#list[@]} packages)"
	mkdir -p "$deps/qemu/archives"
	(cd "$deps/qemu/archives" && private_apt download "${list[@]}") >"$build/deps.log" 2>&1 ||
		{ tail -n 5 "$build/deps.log" >&2; return 1; }
	find "$deps/qemu/archives" -name '*.deb' -exec dpkg-deb -x {} "$deps/qemu/root" \;
	rm -rf "$deps/qemu/archives" "$apt_dir"
}

# $qemu runs the machine's own QEMU if that is new enough, else the unpacked one.
provide_qemu() {
	local own
	own=$(command -v qemu-system-x86_64 || true)
	mkdir -p "$deps/qemu"
	if [ -n "$own" ] && qemu_good "$own"; then
		printf '#!/bin/sh\nexec %q "$@"\n' "$own" >"$qemu"
	else
		fetch_qemu || return 1
		cat >"$qemu" <<-EOF
			#!/bin/sh
			root=\$(dirname "\$0")/root
			LD_LIBRARY_PATH=\$root/usr/lib/x86_64-linux-gnu:\$root/lib/x86_64-linux-gnu \\
				exec "\$root/usr/bin/qemu-system-x86_64" -L "\$root/usr/share/qemu" -L "\$root/usr/share/seabios" "\$@"
		EOF
	fi
	chmod +x "$qemu"
	qemu_good "$qemu" || { say "QEMU was fetched but does not run"; "$qemu" --version >&2; return 1; }
}

missing_kernels() {
	local series
	for series in "${vm_kernels[@]}"; do
		[ -s "$kernels/$series.vmlinuz" ] || echo "$series"
	done
}

# The newest package of a series that holds a vmlinuz. From 7.0 on linux-image is empty.
kernel_package() { # SERIES
	local kind found
	for kind in binary image; do
		found=$(private apt-cache pkgnames "linux-$kind-$1." |
			grep -E '^linux-[a-z]*-[0-9].*-cloud-amd64$' | sort -V | tail -n 1)
		[ -z "$found" ] || { echo "$found"; return; }
	done
}

fetch_kernel() { # SERIES
	local package file=$kernels/$1.vmlinuz work=$kernels/$1.tmp
	package=$(kernel_package "$1")
	[ -n "$package" ] || { echo "the archive has no cloud kernel $1 any more" >"$kernels/$1.missing"; return; }
	say "fetching $package"
	rm -rf "$work" && mkdir -p "$work"
	if (cd "$work" && private_apt download "$package") >"$build/deps.log" 2>&1 &&
		dpkg-deb --fsys-tarfile "$work"/*.deb | tar -xO --wildcards '*/vmlinuz*' >"$work/vmlinuz" &&
		[ -s "$work/vmlinuz" ]; then
		mv "$work/vmlinuz" "$file"
		echo "${package#linux-*-}" >"$kernels/$1.release"
		rm -f "$kernels/$1.missing"
	else
		echo "$package could not be fetched or holds no vmlinuz" >"$kernels/$1.missing"
	fi
	rm -rf "$work"
}

# A kernel that has left the archive is a row less in the matrix, with its reason beside it.
fetch_kernels() {
	local series
	mkdir -p "$kernels"
	apt_dir=$kernels/apt
	for series in "$@"; do
		echo "the archive cannot be read" >"$kernels/$series.missing"
	done
	private_sources deb "${vm_suites[@]}" || return 1
	private_apt update >"$build/deps.log" 2>&1 || say "not all of the archive's suites can be read"
	for series in "$@"; do
		fetch_kernel "$series"
		[ ! -e "$kernels/$series.missing" ] || say "no kernel $series: $(cat "$kernels/$series.missing")"
	done
	rm -rf "$apt_dir"
}

provide_vm() {
	local series rc=0
	[ "$(uname -m)" = x86_64 ] || { say "the kernel matrix is for x86-64"; return 1; }
	mapfile -t series < <(missing_kernels)
	if [ -n "$check_only" ]; then
		qemu_good "$qemu" || { say "missing: QEMU >= $qemu_wanted"; rc=1; }
		[ ${#series[@]} -eq 0 ] || { say "missing kernels: ${series[*]}"; rc=1; }
		return $rc
	fi
	qemu_good "$qemu" || provide_qemu || rc=1
	[ ${#series[@]} -eq 0 ] || fetch_kernels "${series[@]}" || rc=1
	return $rc
}
