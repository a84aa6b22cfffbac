# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# The part of tools/deps that provides the newest bpftrace that runs here, to measure lapse beside it:
# unpacked with its own libraries and dynamic loader, nothing of it installed. Sourced there.

peers=$deps/peers

# From the newest on; the machine's own is what is left if none of them runs.
bpftrace_suites=(sid trixie)

# All that it needs, as if nothing were installed: its libraries come from one suite.
bpftrace_packages() {
	private_apt -s -o Dir::State::status=/dev/null --no-install-recommends install bpftrace |
		sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1=\2/p'
}

bpftrace_runner() { # SUITE
	cat >"$peers/bpftrace" <<-EOF
		#!/bin/sh
		root=\${0%/*}/$1
		libraries=\$root/usr/lib/$(uname -m)-linux-gnu
		exec "\$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "\$libraries" "\$root/usr/bin/bpftrace" "\$@"
	EOF
	chmod +x "$peers/bpftrace"
}

# It must load a program here, not just tell its version. It wants tracefs: mounted for it alone.
# shellcheck disable=SC2016
bpftrace_good() { # PROGRAM
	[ -x "$1" ] && timeout 30 unshare -m sh -c 'mount -t tracefs none /sys/kernel/tracing; exec "$1" -e "BEGIN { exit() }"' \
		sh "$1" >"$build/deps.log" 2>&1
}

fetch_bpftrace() { # SUITE
	local list root=$peers/$1
	apt_dir=$peers/apt
	rm -rf "$root" "$peers/archives"
	private_sources deb "$1" || return 1
	private_apt update >"$build/deps.log" 2>&1 || { say "the archive has no $1"; return 1; }
	mapfile -t list < <(bpftrace_packages 2>>"$build/deps.log")
	[ ${#list[@]} -gt 0 ] || { say "bpftrace cannot be had from $1"; return 1; }
	say "fetching bpftrace of $1 (${#list[@]} packages)"
	mkdir -p "$peers/archives" "$root"
	(cd "$peers/archives" && private_apt download "${list[@]}") >>"$build/deps.log" 2>&1 ||
		{ tail -n 5 "$build/deps.log" >&2; return 1; }
	find "$peers/archives" -name '*.deb' -exec dpkg-deb -x {} "$root" \;
	rm -rf "$peers/archives" "$apt_dir"
	bpftrace_runner "$1"
	bpftrace_good "$peers/bpftrace" && return 0
	say "bpftrace of $1 does not run here: $(tail -n 1 "$build/deps.log")"
	rm -rf "$root" "$peers/bpftrace"
	return 1
}

provide_bpftrace() {
	local suite
	bpftrace_good "$peers/bpftrace" && return 0
	[ "$(uname -m)" = x86_64 ] || { say "newer bpftraces are fetched for x86-64 only"; return 0; }
	mkdir -p "$peers"
	for suite in "${bpftrace_suites[@]}"; do
		fetch_bpftrace "$suite" && return 0
	done
	say "no newer bpftrace runs here: the machine's own is measured"
}
