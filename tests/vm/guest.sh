#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The tests inside of a machine: for each way to attach that its kernel has, exact counts, frames and
# targets that must not be hurt.
#
#     guest.sh [PART_OF_A_NAME [TIMES [PART]]]
#
# PART: tcp, or rest, which is all others; all without.
#
# Prints "ok NAME", "FAIL NAME: reason" or "skip NAME: reason", and at last "end RESULTS". Exit code
# 1 if all went well, 2 if something failed: 0 is what a crash looks like.
only=${1:-} times=${2:-1} part=${3:-all}
# shellcheck source=tests/vm/guest-lib.sh
. "${0%/*}/guest-lib.sh"
# shellcheck source=tests/vm/guest-tcp.sh
. "${0%/*}/guest-tcp.sh"
# shellcheck source=tests/vm/guest-why.sh
. "${0%/*}/guest-why.sh"

# ---- what the kernel has -------------------------------------------------------------------

doctor_says() { # CHECK; prints true or false
	sed -n "s/.*\"name\":\"$1\",\"ok\":\([a-z]*\).*/\1/p" /tmp/doctor.json
}

ask_doctor() {
	lapse doctor --json >/tmp/doctor.json 2>/tmp/doctor.err
	doctor_code=$?
}

kinds() {
	[ "$(doctor_says uprobe.session)" != true ] || echo session
	[ "$(doctor_says uprobe.multi)" != true ] || echo multi
	[ "$(doctor_says 'ring buffer')" != true ] || echo perf
}

test_doctor() {
	equal $doctor_code 0 "exit code"
	equal "$(doctor_says BTF)" true "BTF"
	[ -n "$(kinds)" ] || fail "no way to attach: $(cat /tmp/doctor.err)"
}

# ---- counts --------------------------------------------------------------------------------

# More threads than processors, and long enough for them to be preempted in the midst of a probe:
# newer kernels do that, and what a program keeps by processor is another thread's then.
test_count() { # KIND
	start_target hot --calls 20000 --threads 4
	trace "$1" hot || return
	go
	await_done
	stop_lapse
	counted hot 20000
	lossless
	finish_target
}

# Each thread's spans, one by one, besides those that a tick found still open.
test_threads() { # KIND
	start_target timed --threads 4 --calls 50 --ns 1ms
	start_lapse trace -p "$target" work_push --slower 1ns --attach="$1" --json ||
		{ fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"; return; }
	go
	await_done
	stop_lapse
	counted work_push 200
	lossless
	grep '"type":"span"' $work/lapse.out | grep -v '"open":true' >$work/spans
	spans=$(wc -l <$work/spans)
	equal $((spans + $(integrity ring_dropped))) 200 "spans shown and dropped"
	equal "$(sed 's/.*"tid":\([0-9]*\).*/\1/' $work/spans | sort -u | wc -l)" 4 "threads seen"
	finish_target
}

# Busy for 2 ms by the program's own clock: a span is never shorter.
test_duration() { # KIND
	start_target timed --calls 20 --ns 2ms
	trace "$1" work_push || return
	go
	await_done
	stop_lapse
	counted work_push 20
	at_least "$(figure_of work_push min_ns)" 2000000 "shortest span"
	finish_target
}

# ---- keys, outcomes, system calls, markers ---------------------------------------------------

test_keyed() { # KIND
	start_target keyed --jobs 200 --threads 2 --lose 10 --again 20 --extra 3
	trace "$1" 'job=span:job_begin(arg0)..job_end:return(arg0) err(int ret < 0) value(size=int arg1)' || return
	go
	await_done
	stop_lapse
	counted job "$(truth ended)"
	equal "$(integrity in_flight)" "$(truth lost)" "jobs in flight"
	equal "$(integrity restarted)" "$(truth again)" "jobs begun again"
	equal "$(integrity unmatched_end)" 3 "ends without a job"
	equal "$(figure_of job errors)" "$(truth failed)" "failed jobs"
	conserved
	finish_target
}

test_outcomes() { # KIND
	start_target values --calls 300
	trace "$1" 'rubbish_int err(int ret < 0)' 'cache_get hit(ret != 0)' 'late=take_many if(long arg7 >= 200)' || return
	go
	await_done
	stop_lapse
	equal "$(figure_of rubbish_int errors)" "$(truth negative)" "errors"
	equal "$(figure_of cache_get cache_misses)" "$(truth misses)" "misses"
	counted late 100
	lossless
	finish_target
}

test_syscalls() { # KIND
	start_target turner --calls 60 --ns 500us
	trace "$1" syscall:openat loop || return
	go
	await_done
	stop_lapse
	counted openat 60
	equal "$(figure_of openat errors)" "$(truth failed)" "failed calls"
	equal "$(count_of loop)" "$(truth turns)" "turns"
	conserved
	finish_target
}

# Six programs on two processors: what one of them has under way when another one gets its processor is its own, and
# keeps nothing of the others' from being seen. Besides its 3000 pieces a copier writes what it has done.
test_crowd() {
	start_lapse stat --exe /bin/busybox "syscall:write if(int arg0 == 1)" --json ||
		{ fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"; return; }
	copiers=
	for copier in 1 2 3 4 5 6; do
		/bin/busybox dd if=/dev/zero of=/dev/null bs=1 count=3000 2>/dev/null &
		copiers="$copiers $!"
	done
	wait $copiers
	stop_lapse
	count=$(count_of write) missed=$(integrity kernel_missed)
	if [ "$missed" = 0 ]; then
		equal "$count" 18000 "count of write"
		lossless
		return
	fi
	# Who changes a map keeps programs like these from his processor, and may be preempted in it: a stretch is left
	# out then, and told. Where the programs themselves can be preempted it is most of all.
	note "the kernel left out $missed runs"
	at_least $((count + missed)) 18000 "calls, and runs that were left out"
	at_least "$count" 15000 "count of write"
}

test_markers() { # KIND
	start_target marked --calls 200 --fail-every 10
	trace "$1" marker:marked_rpc || return
	go
	await_done
	stop_lapse
	counted marked_rpc "$(truth calls)"
	equal "$(figure_of marked_rpc errors)" "$(truth errors)" "errors"
	conserved
	finish_target
}

# Marks by their address where the kernel has no attach cookies, in the program and in its library.
test_usdt() { # KIND
	start_target sdt --jobs 100
	trace "$1" 'job=span:usdt:lapsetest:begin(arg0)..usdt:lapsetest:end(arg0)' usdt:lapsetest:tick || return
	go
	await_done
	stop_lapse
	counted job "$(truth jobs)"
	equal "$(count_of lapsetest:tick)" "$(truth ticks)" "ticks"
	conserved
	finish_target
}

# Where a mark is known by its address alone, what cannot be told apart is refused, with the reason.
test_marks_refused() {
	start_target sdt --jobs 10
	lapse stat -p "$target" a=usdt:lapsetest:tick b=usdt:lapsetest:tick -d 1 >$work/lapse.out 2>$work/lapse.err </dev/null 3>&-
	equal $? 4 "exit code with two components"
	contains $work/lapse.err 'before Linux 5\.15' "the refusal"
	lapse stat --comm sdt usdt:lapsetest:tick -d 1 >$work/lapse.out 2>$work/lapse.err </dev/null 3>&-
	equal $? 4 "exit code without a process"
	contains $work/lapse.err 'before Linux 5\.15.*-p' "the refusal"
	go
	await_done
	finish_target
}

# Processes of a name: the probes are for everyone who maps the file, and strangers do not count.
test_everyone() { # KIND
	ln -sf /targets/hot /tmp/stranger
	start_target hot --calls 200
	start_lapse stat --comm hot hot --attach="$1" --json ||
		{ fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"; return; }
	echo go | /tmp/stranger --calls 300 >/dev/null
	go
	await_done
	stop_lapse
	counted hot 200
	lossless
	finish_target
}

# Control groups, as targets of components: one is of a unit, the other of everyone, who begins later.
test_groups() { # KIND
	ln -sf /targets/hot /tmp/stranger
	mkdir -p /sys/fs/cgroup/system.slice/web.service
	start_target hot --calls 200
	echo "$target" >/sys/fs/cgroup/system.slice/web.service/cgroup.procs
	printf '%s\n' 'lapse: 1' 'components:' '  unit: {measure: hot, target: {unit: web}}' \
		'  all: {measure: hot, target: {cgroup: /}}' >$work/groups.yaml
	start_lapse watch $work/groups.yaml --attach="$1" --no-why --json ||
		{ fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"; return; }
	echo go | /tmp/stranger --calls 300 >/dev/null
	go
	await_done
	stop_lapse
	counted unit 200
	counted all 500
	conserved
	finish_target
}

# Siblings: components of one function, whose calls are told apart by what they return.
test_siblings() { # KIND
	start_target values --calls 300
	trace "$1" 'all=cache_get' 'hits=cache_get if(ret != 0)' 'first=cache_get err(ret == 0)' || return
	go
	await_done
	stop_lapse
	misses=$(truth misses)
	counted first "$(count_of all)"
	equal "$(figure_of first errors)" "$misses" "errors"
	equal $(($(count_of hits) + misses)) "$(count_of all)" "hits and misses"
	conserved
	finish_target
}

# The newest spans, in their order, of several threads at once.
test_newest() { # KIND
	printf '%s\n' 'lapse: 1' 'window: {last: 100}' 'components:' '  w:' '    measure: work_push' \
		'    contract: {max_p50: 1s}' >$work/newest.yaml
	start_target timed --threads 4 --calls 50 --ns 1ms
	start_lapse watch $work/newest.yaml -p "$target" --attach="$1" --json ||
		{ fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"; return; }
	go
	await_done
	stop_lapse
	counted w 200
	at_least "$(figure_of w p50_ns)" 980000 "median of the newest"
	finish_target
}

# ---- frames --------------------------------------------------------------------------------

test_recursion() { # KIND DEPTH ROUNDS
	start_target deep --depth "$2" --rounds "$3"
	trace "$1" deep || return
	go
	await_done
	stop_lapse
	# The kernel keeps 64 return probes a thread.
	seen=$(($2 > 64 ? 64 : $2))
	counted deep $((seen * $3))
	equal "$(integrity entries)" $(($2 * $3)) "entries"
	equal "$(integrity too_deep)" $((($2 - seen) * $3)) "too deep"
	conserved
	finish_target
}

test_longjmp() { # KIND
	start_target jumper --rounds 200
	trace "$1" nest_1 nest_2 nest_3 nest_4 nest_5 || return
	go
	await_done
	stop_lapse
	for level in 1 2 3 4 5; do
		counted nest_$level "$(truth returns | cut -d, -f$level)"
	done
	entries=$(truth_sum entries) returns=$(truth_sum returns)
	equal "$(integrity entries)" "$entries" "entries"
	equal "$(integrity returns)" "$returns" "returns"
	# The frames of the last jump lie there until the thread calls again or ends.
	equal $(($(integrity abandoned) + $(integrity in_flight))) $((entries - returns)) "abandoned and in flight"
	conserved
	finish_target
}

test_jumps() { # KIND
	start_target jumper --rounds 200
	trace "$1" tail_a tail_b self_jump || return
	go
	await_done
	stop_lapse
	for function in tail_a tail_b self_jump; do
		counted $function "$(truth $function)"
	done
	conserved
	finish_target
}

# ---- targets that must not be hurt ---------------------------------------------------------

# The same output and exit code as untraced. $traced says whether lapse did not refuse.
unharmed() { # KIND PROBES -- PROGRAM ARGUMENTS...
	kind=$1 probes=
	shift
	while [ "$1" != -- ]; do probes="$probes $1"; shift; done
	shift
	run_untraced "$@"
	start_target "$@"
	traced=1
	# shellcheck disable=SC2086
	trace_or_refuse "$kind" $probes || traced=
	go
	await_done
	equal "$done" "$plain" "what $program did"
	if [ -n "$traced" ]; then
		stop_lapse
		conserved
	fi
	finish_target
}

test_exceptions() { # KIND
	unharmed "$1" outer inner -- thrower 300
	[ -n "$traced" ] || { fail "lapse refused"; return; }
	counted outer "$(truth returned)"
	counted inner "$(truth returned)"
	equal "$(integrity entries)" $((2 * $(truth calls))) "entries"
}

test_cancellation() { # KIND
	unharmed "$1" blocked -- canceller 30
	equal "$(truth cleanups)" "$(truth cancelled)" "clean-ups"
	[ -z "$traced" ] || counted blocked "$(truth returned)"
}

test_fibers() { # KIND
	unharmed "$1" switching -- fibers 100
	[ -z "$traced" ] || equal "$(integrity entries)" "$(truth calls)" "entries"
}

test_seccomp() { # KIND [early]
	kind=$1
	shift
	unharmed "$kind" confined -- jailed 300 "$@"
	[ -z "$traced" ] || counted confined "$(truth calls)"
}

# Killed amid calls, with return probes on the stacks: the target goes on to its end.
test_killed() { # KIND
	start_target timed --threads 2 --calls 200 --ns 5ms
	trace "$1" work_push || return
	go
	wait_line $work/lapse.out '"type":"window"' "$tracer" || fail "no window of the running target"
	alive "$target" || fail "the target ended early"
	kill -9 "$tracer"
	wait_end "$tracer"
	tracer=
	await_done
	equal "$(truth calls)" 400 "calls"
	finish_target
}

# ---- all of them ---------------------------------------------------------------------------

tests_of_kind() { # KIND
	run_test "$1/count" test_count "$1"
	run_test "$1/threads" test_threads "$1"
	run_test "$1/duration" test_duration "$1"
	run_test "$1/keyed" test_keyed "$1"
	run_test "$1/outcomes" test_outcomes "$1"
	run_test "$1/syscalls" test_syscalls "$1"
	run_test "$1/markers" test_markers "$1"
	run_test "$1/usdt" test_usdt "$1"
	run_test "$1/everyone" test_everyone "$1"
	run_test "$1/groups" test_groups "$1"
	run_test "$1/siblings" test_siblings "$1"
	run_test "$1/newest" test_newest "$1"
	run_test "$1/recursion-40" test_recursion "$1" 40 20
	run_test "$1/recursion-100" test_recursion "$1" 100 10
	run_test "$1/longjmp" test_longjmp "$1"
	run_test "$1/jumps" test_jumps "$1"
	run_test "$1/exceptions" test_exceptions "$1"
	run_test "$1/cancellation" test_cancellation "$1"
	run_test "$1/fibers" test_fibers "$1"
	run_test "$1/seccomp" test_seccomp "$1"
	run_test "$1/seccomp-early" test_seccomp "$1" early
	run_test "$1/killed" test_killed "$1"
}

tests_of_places() {
	run_test doctor test_doctor
	run_test crowd test_crowd
	for kind in session multi perf; do
		case " $(kinds | tr '\n' ' ')" in
		*" $kind "*) tests_of_kind $kind ;;
		*) skip $kind "this kernel has no such attachment" ;;
		esac
	done
	[ "$(doctor_says 'attach cookies')" = true ] || run_test marks-refused test_marks_refused
}

note "kernel $(uname -r)"
ask_doctor
sed -n 's/.*"name":"\([^"]*\)","ok":\([a-z]*\).*"found":"\([^"]*\)".*/# doctor: \1: \2, \3/p' /tmp/doctor.json
if [ "$part" != tcp ]; then
	tests_of_places
	why_tests
fi
[ "$part" = rest ] || tcp_tests
echo "end $results"
[ $failures -eq 0 ] && exit 1
exit 2
