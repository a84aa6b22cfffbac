# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
# TCP in a machine: for each way to trace it, an asker and an answerer that time themselves. Sourced by guest.sh.
# All is slow here and cold at first, so figures are held beside the programs' own of the same run.
# shellcheck disable=SC2046,SC2086,SC2154

# ---- both ends -----------------------------------------------------------------------------

# By a pipe of its own; its port in $port.
start_answerer() { # ARGUMENTS...
	rm -f $work/answerer.in && mkfifo $work/answerer.in
	/targets/answerer "$@" <$work/answerer.in >$work/answerer.out 2>&1 3>&- &
	answerer=$!
	exec 4>$work/answerer.in
	wait_line $work/answerer.out '^ready ' $answerer || fail "the answerer was never ready"
	port=$(sed -n 's/^listening //p' $work/answerer.out)
}

# Both ends' truth: the asker's in $done, the answerer's in $served.
work_tcp() {
	go
	await_done
	(echo go >&4) 2>/dev/null
	wait_line $work/answerer.out '^done' $answerer || fail "the answerer was never done"
	served=$(sed -n 's/^done //p' $work/answerer.out)
}

answerer_truth() { word_of "$1" "$served"; } # KEY

end_answerer() {
	exec 4>&-
	kill -9 $answerer 2>/dev/null
	wait $answerer 2>/dev/null
}

# Everything that both do, traced.
through() { # BACKEND ADDRESS WAY OPTIONS...
	backend=$1
	shift
	way=$2
	resent=$(kernel_resent)
	start_target asker "$1" "$port" "$2"  $(shift 2 && echo "$@")
	if ! start_lapse stat -p "$target,$answerer" connect=tcp:connect request=tcp:request serve=tcp:serve \
		accept=tcp:accept handshake=tcp:handshake --tcp-backend="$backend" --json; then
		fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"
		return 1
	fi
	work_tcp
	stop_lapse
	finish_target
	exactly "$(became)" "$(integrity entries)" "what became of the entries"
}

# A figure in whole ns; of one span alone there is no median, but it is the mean.
median_of() { # COMPONENT
	got=$(figure_of "$1" p50_ns)
	got=${got:-$(figure_of "$1" avg_ns)}
	echo "${got%.*}"
}

# The program's connect() returns when it runs again, which is later by what else there is to do.
no_longer() { # COMPONENT TRUTH
	got=$(median_of "$1")
	note "$name: median $1 ${got:-none} ns, by the program $2 ns"
	[ "${got:-0}" -gt 0 ] && [ "$got" -le $(($2 + $(room_of "$2"))) ] ||
		fail "median of $1: ${got:-none} ns, by the program's clock $2 ns"
}

# The kernel leaves a program out while it, or with kprobes any other, is in the midst of a run on that
# processor (an interrupt comes meanwhile), and says how often; all is slow here, so that it happens. Before 5.12 it
# does not say so: there it is what lapse finds missing by itself.
left_out() {
	case $(uname -r) in
	5.10.*) integrity unaccounted ;;
	*) integrity kernel_missed ;;
	esac
}

exactly() { # GOT WANTED WHAT
	[ "$1" = "$2" ] && return
	[ "${1:-0}" -lt "$2" ] && [ "${1:-0}" -ge $(($2 - $(left_out))) ] &&
		note "$name: $3: $1 of $2, $(left_out) runs missed" && return
	fail "$3: '$1' instead of '$2'"
}

# How far a figure may be from TRUTH: a half or 60 ms, for two machines share two processors, and are emulated; where
# their time is no other's (VM_ICOUNT in lib.sh) a tenth or 2 ms.
room_of() { # TRUTH
	if [ -n "${vm_precise:-}" ]; then
		echo $(($1 / 10 > 2000000 ? $1 / 10 : 2000000))
	else
		echo $(($1 / 2 > 60000000 ? $1 / 2 : 60000000))
	fi
}

beside() { # GOT TRUTH WHAT
	room=$(room_of "$2")
	note "$name: $3 ${1:-none} ns, by the program $2 ns"
	[ "${1:-0}" -ge $(($2 - room)) ] && [ "${1:-0}" -le $(($2 + room)) ] ||
		fail "$3: ${1:-none} ns, by the program's clock $2 ns"
}

near() { # COMPONENT TRUTH; TRUTH in ns
	beside "$(median_of "$1")" "$2" "median of $1"
}

# Where one thread asks on many connections, the program's time ends when it gets to read the answer: all of them
# taken together, since those that wait to be read are not those that took long.
near_read() {
	answered=$(figure_of request avg_ns) unread=$(figure_of request unread_avg_ns)
	beside $((${answered%.*} + ${unread%.*})) "$(truth request_mean_ns)" "mean of request until it is read"
}

medians() {
	no_longer connect "$(truth connect_ns)"
	near request "$(truth request_ns)"
	near serve "$(answerer_truth serve_ns)"
	near accept "$(answerer_truth accept_ns)"
}

# The segments that the kernel has sent again, of which there are no others here.
kernel_resent() {
	grep '^Tcp:' /proc/net/snmp | tail -n 1 | cut -d ' ' -f 13
}

# The programs look for the last time before they close: the end itself may be sent again, as the kernel counts.
retransmits() {
	late=$(($(kernel_resent) - resent - $(truth retransmits) - $(answerer_truth retransmits)))
	resent_as $(($(figure_of connect retransmits) + $(figure_of request retransmits))) "$(truth retransmits)" asker
	resent_as "$(figure_of serve retransmits)" "$(answerer_truth retransmits)" answerer
}

resent_as() { # GOT TRUTH WHO
	[ "$1" = "$2" ] && return
	[ "${1:-0}" -gt "$2" ] && [ "$1" -le $(($2 + late)) ] && late=$((late - $1 + $2)) &&
		note "$name: $1 retransmits of the $3, $2 of them before it closed" && return
	fail "retransmits of the $3: '$1' instead of '$2', and $late later by the kernel"
}

tcp_counted() { # CONNECTS REQUESTS
	exactly "$(count_of connect)" "$1" "connects"
	exactly "$(count_of accept)" "$1" "accepts"
	exactly "$(count_of request)" "$2" "requests"
	exactly "$(count_of serve)" "$2" "serves"
	equal "$(histogram_of request)" "$(count_of request)" "histogram's count of request"
	equal "$(histogram_of serve)" "$(count_of serve)" "histogram's count of serve"
}

# ---- tests ---------------------------------------------------------------------------------

tcp_delays() { # BACKEND ADDRESS [LISTENED]
	start_answerer --listen "${3:-$2}" --accept-delay 30ms
	through "$1" "$2" plain --connections 4 --calls 5 --delay 20ms || return
	tcp_counted 4 20
	medians
	retransmits
	at_least "$(figure_of accept min_ns)" 30000000 "shortest wait to be accepted"
	at_least "$(figure_of serve min_ns)" 20000000 "shortest serve"
	at_least "$(figure_of request min_ns)" 20000000 "shortest request"
}

tcp_lost() { # BACKEND
	start_answerer
	through "$1" 127.0.0.1 lost --calls 3 --delay 20ms || return
	tcp_counted 1 3
	at_least "$(truth retransmits)" 3 "retransmits by the asker's TCP_INFO"
	retransmits
	near request "$(truth request_ns)"
}

tcp_lost_answer() { # BACKEND
	start_answerer
	through "$1" 127.0.0.1 lost-answer --calls 3 || return
	tcp_counted 1 3
	at_least "$(answerer_truth retransmits)" 3 "retransmits by the answerer's TCP_INFO"
	retransmits
	near request "$(truth request_ns)"
	near serve "$(answerer_truth serve_ns)"
}

# One connect has no median, so there are two.
tcp_slow_connect() { # BACKEND
	start_answerer
	through "$1" 127.0.0.1 again --connections 2 --calls 1 || return
	tcp_counted 2 2
	near connect "$(truth connect_ns)"
	at_least "$(truth connect_ns)" 900000000 "what the lost SYN cost"
	retransmits
}

tcp_fails() { # BACKEND WAY CONNECTS
	start_answerer
	through "$1" 127.0.0.1 "$2" --calls 5 || return
	counted connect "$3"
	equal "$(figure_of connect errors)" "$(truth failed)" "failed connects"
}

tcp_many() { # BACKEND
	start_answerer --mode epoll
	through "$1" 127.0.0.1 many --connections 40 --calls 5 --delay 20ms || return
	tcp_counted 40 200
	near_read
	near serve "$(answerer_truth serve_ns)"
	retransmits
}

tcp_before() { # BACKEND
	start_answerer --mode epoll
	through "$1" 127.0.0.1 many --before --connections 5 --calls 5 --delay 20ms || return
	tcp_counted 0 25
	near_read
	near serve "$(answerer_truth serve_ns)"
}

# A connection that is used in some way; ends as all others do.
tcp_way() { # BACKEND REQUESTS WAY OPTIONS...
	backend=$1 requests=$2
	shift 2
	start_answerer $([ "$1" != banner ] || echo --banner)
	through "$backend" 127.0.0.1 "$1" --delay 20ms $(shift && echo "$@") || return
	tcp_counted 1 "$requests"
	near request "$(truth request_ns)"
	# Segments, which are all that the tracepoints of older kernels show, do not tell one send from another.
	[ "$backend/$way" = tracepoint/upload ] ||
		equal "$(figure_of request pipelined)" "$(truth pipelined)" "further sends"
	retransmits
}

# A last word is given up by its sender, and one that its sender waits for has failed.
tcp_last_word() { # BACKEND
	start_answerer
	start_target leaver 127.0.0.1 "$port" parting left left-shut reset reset-late
	start_lapse stat -p "$target" request=tcp:request --tcp-backend="$1" --json ||
		{ fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"; return; }
	work_tcp
	stop_lapse
	finish_target
	exactly "$(count_of request)" 8 "requests"
	exactly "$(figure_of request errors)" "$(truth failed)" "requests that failed"
	equal "$(truth failed)" 3 "requests that the program waited for in vain"
}

# With an answerer that ends whatever came of the test.
run_tcp() { # NAME/BACKEND FUNCTION ARGUMENTS...
	answerer=
	run_test "$1" with_answerer "$2" "${1##*/}" $(shift 2 && echo "$@")
}

with_answerer() { # FUNCTION ARGUMENTS...
	"$@"
	[ -z "$answerer" ] || end_answerer
}

# What a backend sees by itself.
tcp_tests_of() { # BACKEND
	run_tcp "tcp-delays/$1" tcp_delays 127.0.0.1
	run_tcp "tcp-delays6/$1" tcp_delays ::1
	run_tcp "tcp-mapped/$1" tcp_delays 127.0.0.1 ::ffff:127.0.0.1
	run_tcp "tcp-lost/$1" tcp_lost
	run_tcp "tcp-refused/$1" tcp_fails refused 5
	run_tcp "tcp-taken/$1" tcp_fails taken 6
	run_tcp "tcp-many/$1" tcp_many
	run_tcp "tcp-before/$1" tcp_before
	run_tcp "tcp-sendfile/$1" tcp_way 6 plain --calls 6 --sendfile --answer 50000
	# The answer is to come after the last question, however late that is here.
	run_tcp "tcp-batches/$1" tcp_way 5 batches --calls 5 --delay 200ms
	run_tcp "tcp-upload/$1" tcp_way 3 upload --calls 3 --body 4000000
	run_tcp "tcp-half-closed/$1" tcp_way 1 half-closed --calls 1
	run_tcp "tcp-last-word/$1" tcp_last_word
}

# What all of them leave to the same programs: once is enough.
tcp_tests_of_all() { # BACKEND
	run_tcp "tcp-lost-answer/$1" tcp_lost_answer
	run_tcp "tcp-slow/$1" tcp_slow_connect
	run_tcp "tcp-halves/$1" tcp_way 5 halves --calls 5
	run_tcp "tcp-banner/$1" tcp_way 5 banner --calls 5
	run_tcp "tcp-unread/$1" tcp_way 4 late-read --calls 4
	run_tcp "tcp-threads/$1" tcp_way 5 threads --calls 5
}

tcp_tests() {
	for backend in fentry kprobe tracepoint; do
		if [ "$(doctor_says "tcp $backend")" = true ]; then
			tcp_tests_of $backend
			[ $backend != kprobe ] || tcp_tests_of_all $backend
		else
			skip "tcp/$backend" "this kernel has no such way to trace TCP"
		fi
	done
}
