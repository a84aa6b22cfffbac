# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Causes of slow calls: what the kernel tells of switches, wakes and interrupts is not the same in all of them.
# Sourced by guest.sh. In an emulated machine a thread runs and waits for a processor longer than elsewhere:
# what is asserted is the least that the cause must have, that nothing else is blamed, and who ended most waits.
# shellcheck disable=SC2154

# The spans of a component that have ended. Whoever woke a thread may have been in one, too, which stands behind.
ended_spans() { # COMPONENT
	awk -v component="\"component\":\"$1\"" -v wait='"longest_wait":' '
		/"type":"span"/ && !/"open":true/ && index(substr($0, 1, index($0 wait, wait)), component)' $work/lapse.out
}

# Sum of a figure, over the spans of a component.
sum_of() { # COMPONENT KEY
	ended_spans "$1" | awk -v key="\"$2\":" '
		{ sum += parts[split($0, parts, key)] }
		END { printf "%.0f\n", sum }'
}

spans_of() { # COMPONENT
	ended_spans "$1" | grep -c ''
}

longest_waits() { # COMPONENT
	ended_spans "$1" | sed 's/.*"longest_wait"://'
}

# Most of a component's longest waits were ended as PATTERN says. Not all: a thread that is late may find what
# it wants, and has waited longest for something else then.
waits_ended() { # COMPONENT PATTERN
	seen=$(longest_waits "$1" | grep -cE "$2")
	at_least "$seen" 40 "waits of $1 that ended as /$2/ (and one: $(longest_waits "$1" | grep -vE "$2" | head -n 1)), of 60"
}

# Each call waits for 3 ms at least, besides what its partner's start takes. The program's own figure is shown
# only: in an emulated machine a wake is long on its way to another processor.
why_has() { # COMPONENT CAUSE
	calls=$(truth calls) got=$(sum_of "$1" "$2_ns") blamed=0
	at_least "$got" $((calls * 3000000 * 9 / 10)) "$2 of $1, ns"
	for other in lock disk net handoff poll sleep fault other; do
		[ $other = "$2" ] || blamed=$((blamed + $(sum_of "$1" ${other}_ns)))
	done
	[ $blamed -le $((got / 20 + calls * 50000)) ] || fail "causes besides $2 have $blamed ns of $1, $2 has $got"
	note "$name: $2 $((got / 1000)) us, in truth $(($(truth blocked_ns) / 1000)) us;" \
		"runq $(($(sum_of "$1" runq_ns) / 1000)) us, others $((blamed / 1000)) us"
}

# Runs a kind of "causes" and holds its function's spans against it.
why_kind() { # KIND CAUSE WAKER_PATTERN OTHER_PROBES...
	why_kind=$1 cause=$2 waker=$3
	shift 3
	start_target causes "$why_kind" --threads 2 --calls 30 --ns 3ms
	start_lapse trace -p "$target" "wait_$why_kind" "$@" --slower 1ns --json ||
		{ fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"; return; }
	go
	await_done
	stop_lapse
	conserved
	equal "$(spans_of "wait_$why_kind")" 60 "spans of wait_$why_kind"
	why_has "wait_$why_kind" "$cause"
	waits_ended "wait_$why_kind" "$waker"
	finish_target
}

# A poll that another thread ends, in a function that is a wait for a lock: the waker is told still.
why_declared() {
	why_kind handoff_poll lock '"comm":"passer".*"component":"pass_word"' pass_word --wait lock=wait_handoff_poll
}

# Two threads and a rival on one processor; nobody waits for anything else.
why_preempted() {
	start_target causes runq --threads 2 --calls 10 --ns 20ms --rivals 1
	start_lapse trace -p "$target" wait_runq --slower 1ns --json ||
		{ fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"; return; }
	go
	await_done
	stop_lapse
	for other in lock disk net handoff poll sleep; do
		equal "$(sum_of wait_runq ${other}_ns)" 0 "$other of what only computes"
	done
	at_least "$(sum_of wait_runq runq_ns)" $(($(truth runq_ns) * 90 / 100 - 2000000)) "waiting for a processor, ns"
	contains $work/lapse.out '"ran_instead":\[[^]]*"comm":"rival"' "the report of what ran instead"
	finish_target
}

make_group() { # NAME; its folder in $group
	group=/sys/fs/cgroup/$1
	echo +cpu >/sys/fs/cgroup/cgroup.subtree_control && mkdir -p "$group"
}

# Since when is told of each task whether its group's quota is spent; before, it is runnable only.
tells_throttled() {
	[ "$(uname -r | awk -F. '{ print $1 * 100 + $2 }')" -ge 618 ]
}

# A fifth of a processor: what the thread lacks besides is the group's fault.
why_quota() {
	make_group quota || { fail "there is no control group with cpu"; return; }
	echo "20000 100000" >"$group/cpu.max"
	start_target causes burn --calls 20 --ns 20ms
	echo "$target" >"$group/cgroup.procs"
	start_lapse trace -p "$target" burn --slower 1ns --json ||
		{ fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"; return; }
	go
	await_done
	stop_lapse
	conserved
	spent=$(sum_of burn throttled_ns) lacking=$((spent + $(sum_of burn runq_ns)))
	stood=$(sed -n 's/^throttled_usec //p' "$group/cpu.stat")000
	note "$name: throttled $((spent / 1000)) us, with runq $((lacking / 1000)) us; the group $((stood / 1000)) us"
	# The kernel counts each processor's share, and what it waits for in between.
	at_least $lacking $((stood * 60 / 100)) "what the thread lacked, ns"
	at_least $lacking 400000000 "of four processors' worth in five, ns"
	! tells_throttled || at_least "$spent" $((stood * 80 / 100)) "throttled, ns"
	for other in lock disk net handoff poll sleep; do
		equal "$(sum_of burn ${other}_ns)" 0 "$other of what only computes"
	done
	finish_target
	rmdir "$group"
}

# What runs instead is named, with its group.
# On one processor: on two the scheduler may leave one to the target alone.
why_hog() {
	make_group hog || { fail "there is no control group"; return; }
	ln -s /targets/causes $work/hog
	echo go >$work/hog.in
	taskset 1 $work/hog burn --threads 4 --calls 20000 --ns 10ms <$work/hog.in >$work/hog.out 2>&1 &
	hog=$!
	echo $hog >"$group/cgroup.procs"
	why_beside_hog "$(stat -c %i "$group")"
	kill -9 $hog
	wait_end $hog
	rmdir "$group"
}

why_beside_hog() { # NUMBER_OF_ITS_GROUP
	start_target causes burn --calls 10 --ns 20ms
	taskset -ap 1 "$target" >$work/taskset.out 2>&1 || fail "not on one processor: $(cat $work/taskset.out)"
	start_lapse trace -p "$target" burn --slower 1ns --json ||
		{ fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"; return; }
	go
	await_done
	stop_lapse
	conserved
	at_least "$(sum_of burn runq_ns)" $(($(truth runq_ns) * 90 / 100 - 2000000)) "waiting for a processor, ns"
	at_least "$(sum_of burn runq_ns)" 20000000 "waiting while four others run, ns"
	contains $work/lapse.out "\"ran_instead\":\[[^]]*\"comm\":\"hog\",\"pid\":$hog,\"cgroup\":$1," \
		"the report of what ran instead"
	finish_target
}

# Callers that keep no frame pointer, by what is copied of the stack when the thread is back.
why_stack() { # KIND
	frame='\+0x[0-9a-f]*","'
	start_target unframed "$1" 20 5ms
	start_lapse trace -p "$target" handle_order --slower 1ms --json ||
		{ fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"; return; }
	go
	await_done
	stop_lapse
	conserved
	seen=$(longest_waits handle_order |
		grep -cE "\"await_$1${frame}check_risk${frame}handle_order${frame}work$frame")
	at_least "$seen" 18 "whole stacks of await_$1 (and one: $(longest_waits handle_order | head -n 1)), of 20"
	finish_target
}

why_net() { # KIND
	why_kind "$1" net '"peer":"127\.0\.0\.1:[0-9]+".*"interrupt":"network receive"'
}

# Without a probe: the worker's time, where it waits, and who ends that.
why_first() { # KIND CULPRIT_PATTERN
	start_target causes "$1" --threads 2 --calls 100000 --ns 20ms
	go
	lapse -p "$target" -d 5 >$work/lapse.out 2>$work/lapse.err </dev/null ||
		fail "lapse ended with $?: $(tail -n 1 $work/lapse.err)"
	head -n 10 $work/lapse.out >$work/lapse.head
	contains $work/lapse.head "$2" "the first ten lines"
	contains $work/lapse.out '^  lapse trace -p [0-9]+ ' "the list of ready commands"
	note "$name: $(sed -n 3p $work/lapse.out)"
}

# A call that hangs is told of while it does, counts once, and where it hangs.
why_hang() {
	start_target causes sleep --calls 1 --ns 8s
	start_lapse trace -p "$target" wait_sleep --slower 100ms --json ||
		{ fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"; return; }
	go
	await_done
	stop_lapse
	conserved
	equal "$(spans_of wait_sleep)" 1 "spans of wait_sleep that returned"
	contains $work/lapse.out "\"open\":true.*\"now\":{\"state\":\"blocked\",\"cause\":\"sleep\",.*\"place\":\"[^\"]*nanosleep" \
		"where it hangs"
	finish_target
}

# System calls, and turns of a loop that only compute: each has what its thread waited meanwhile, not before.
why_turns() {
	start_target turner --calls 30 --ns 3ms
	start_lapse trace -p "$target" loop syscall:clock_nanosleep --slower 1ns --json ||
		{ fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"; return; }
	go
	await_done
	stop_lapse
	conserved
	equal "$(spans_of clock_nanosleep)" 30 "naps"
	equal "$(spans_of loop)" "$(truth turns)" "turns"
	slept=$(sum_of clock_nanosleep sleep_ns) took=$(sum_of clock_nanosleep raw_ns)
	at_least "$slept" $((30 * 3000000 * 9 / 10)) "sleep of naps, ns"
	at_least "$took" "$slept" "naps, ns, against their sleep"
	for other in lock disk net handoff poll sleep; do
		equal "$(sum_of loop ${other}_ns)" 0 "$other of turns that only compute"
	done
	finish_target
}

# Where threads lie in hashes there is room for 4096: what is kept of one that ends goes, also amid a call.
why_many_threads() {
	start_target canceller 4500
	start_lapse trace -p "$target" blocked --slower 1s --json ||
		{ fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"; return; }
	go
	await_done
	stop_lapse
	conserved
	equal "$(integrity maps_full)" 0 "threads that found no room"
	equal "$(integrity entries)" 9000 "calls of 4500 threads"
	equal "$(integrity abandoned)" 4500 "calls amid which a thread ended"
	finish_target
}

why_tests() {
	run_test why-first-lock why_first lock 'lock +in wait_lock .*ended by holder/'
	run_test why-first-net why_first net_poll 'net +in wait_net_poll .*127\.0\.0\.1:[0-9]+'
	run_test why-first-running why_first burn 'on-cpu +in (.* <- )?burn'
	run_test why-lock why_kind lock lock '"comm":"holder".*"component":"rebuild_index"' rebuild_index
	run_test why-sleep why_kind sleep sleep '"interrupt":"a timer"'
	run_test why-net-poll why_net net_poll
	run_test why-handoff why_kind handoff handoff '"comm":"passer".*"component":"pass_word"' pass_word
	run_test why-runq why_preempted
	run_test why-quota why_quota
	run_test why-hog why_hog
	run_test why-hang why_hang
	run_test why-declared why_declared
	run_test why-turns why_turns
	run_test why-many-threads why_many_threads
	run_test why-stack why_stack sleep
	run_test why-stack-fault why_stack fault
}
