# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
# TCP in a machine: programs that ask and programs that answer, each by its own clock, and what lapse tells of them by
# each way to trace TCP that the kernel has. Sourced by guest.sh.
#
# A case is two programs that talk over a port of their own. To begin tracing is what takes long here, so all cases of
# a way (a backend) stand before lapse begins, work one after the other while it traces, and are looked at when it has
# ended: by its components, whose names end with the case's. What is known of a case lies in $work/CASE:
#
#   PROGRAM.in .holder .pid .out .err .done   of "asker" and "answerer": pipe, who holds it open, ..., the truth
#   port                                      where the answerer listens
#   reason                                    what is wrong with it
# shellcheck disable=SC2046,SC2086,SC2154

# Nobody answers there, and nobody else asks there.
NOBODY=127.0.0.9

# What there is to do: how the answerer listens, whom the asker asks and how, and what is measured of it.
tcp_case() { # CASE
	answers='' asker=asker kinds='connect request serve accept'
	case $1 in
	delays) answers='--listen 127.0.0.1 --accept-delay 30ms' asks='127.0.0.1 plain --connections 4 --calls 5 --delay 20ms' ;;
	delays6) answers='--listen ::1 --accept-delay 30ms' asks='::1 plain --connections 4 --calls 5 --delay 20ms' ;;
	mapped) answers='--listen ::ffff:127.0.0.1 --accept-delay 30ms' asks='127.0.0.1 plain --connections 4 --calls 5 --delay 20ms' ;;
	lost) asks='127.0.0.1 lost --calls 3 --delay 20ms' ;;
	lost-answer) asks='127.0.0.1 lost-answer --calls 3' ;;
	# One connect has no median, so there are two.
	slow) asks='127.0.0.1 again --connections 2 --calls 1' ;;
	refused) asks="$NOBODY refused --calls 5" kinds=connect ;;
	taken) asks='127.0.0.1 taken --calls 5' kinds=connect ;;
	many) answers='--mode epoll' asks='127.0.0.1 many --connections 200 --calls 5 --delay 20ms' ;;
	before) answers='--mode epoll' asks='127.0.0.1 many --before --connections 5 --calls 5 --delay 20ms' ;;
	sendfile) asks='127.0.0.1 plain --delay 20ms --calls 6 --sendfile --answer 50000' ;;
	# The answer is to come after the last question, however late that is here.
	batches) asks='127.0.0.1 batches --calls 5 --delay 200ms' ;;
	upload) asks='127.0.0.1 upload --delay 20ms --calls 3 --body 4000000' ;;
	half-closed) asks='127.0.0.1 half-closed --delay 20ms --calls 1' ;;
	halves) asks='127.0.0.1 halves --delay 20ms --calls 5' ;;
	banner) answers=--banner asks='127.0.0.1 banner --delay 20ms --calls 5' ;;
	unread) asks='127.0.0.1 late-read --delay 20ms --calls 4' ;;
	threads) asks='127.0.0.1 threads --delay 20ms --calls 5' ;;
	last-word) asker=leaver asks='127.0.0.1 parting left left-shut reset reset-late' kinds=request ;;
	esac
}

# What a backend sees by itself.
OF_EACH='delays delays6 mapped lost refused taken many before sendfile batches upload half-closed last-word'
# What all of them leave to the same programs: once is enough.
OF_ALL='lost-answer slow halves banner unread threads'

# ---- its two programs ----------------------------------------------------------------------

start_program() { # CASE ROLE PROGRAM ARGUMENTS...
	at=$work/$1/$2 program=$3
	shift 3
	mkfifo $at.in
	sleep 1000000 >$at.in &
	echo $! >$at.holder
	/targets/$program "$@" <$at.in >$at.out 2>$at.err &
	echo $! >$at.pid
	wait_line $at.out '^ready ' $! || fail "$program was never ready"
}

start_case() { # CASE
	tcp_case $1
	start_program $1 answerer answerer $answers
	sed -n 's/^listening //p' $at.out >$work/$1/port
	set -- $1 $asks
	case=$1 address=$2
	shift 2
	start_program $case asker $asker $address $(cat $work/$case/port) "$@"
}

# Tells the program that it is to go, and waits for what it has done in truth. Opened both ways, a pipe that nobody
# reads any more holds nobody up.
work_program() { # CASE ROLE
	at=$work/$1/$2
	echo go 1<>$at.in
	wait_line $at.out '^done' $(cat $at.pid) || fail "the $2 was never done: $(cat $at.err)"
	sed -n 's/^done //p' $at.out >$at.done
}

work_case() { # CASE
	work_program $1 asker
	work_program $1 answerer
}

end_case() { # CASE
	kill $(cat $work/$1/*.holder)
	wait_end $(cat $work/$1/asker.pid)
	equal "$code" 0 "exit code of the asker"
	kill -9 $(cat $work/$1/answerer.pid) 2>/dev/null
}

answerer_truth() { word_of "$1" "$served"; } # KEY

# ---- beside the truth ----------------------------------------------------------------------

# A component's figure for the case that is looked at.
tcp_figure() { figure_of "$1.$case" "$2"; } # COMPONENT KEY

# A figure in whole ns; of one span alone there is no median, but it is the mean.
median_of() { # COMPONENT
	got=$(tcp_figure "$1" p50_ns)
	got=${got:-$(tcp_figure "$1" avg_ns)}
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

# How far a figure may be from TRUTH: a tenth or 2 ms. The machine's time is no other's (own_time() in lib.sh).
room_of() { # TRUTH
	echo $(($1 / 10 > 2000000 ? $1 / 10 : 2000000))
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
	answered=$(tcp_figure request avg_ns) unread=$(tcp_figure request unread_avg_ns)
	[ -n "$answered" ] || { fail "no requests"; return; }
	beside $((${answered%.*} + ${unread%.*})) "$(truth request_mean_ns)" "mean of request until it is read"
}

# The segments that the kernel has sent again, of which there are no others here.
kernel_resent() {
	grep '^Tcp:' /proc/net/snmp | tail -n 1 | cut -d ' ' -f 13
}

# The programs look for the last time before they close: the end itself may be sent again, as the kernel counts ($late,
# of all cases).
retransmits() {
	resent_as $(($(tcp_figure connect retransmits) + $(tcp_figure request retransmits))) "$(truth retransmits)" asker
	resent_as "$(tcp_figure serve retransmits)" "$(answerer_truth retransmits)" answerer
}

resent_as() { # GOT TRUTH WHO
	[ "$1" = "$2" ] && return
	[ "${1:-0}" -gt "$2" ] && [ "$1" -le $(($2 + late)) ] && late=$((late - $1 + $2)) &&
		note "$name: $1 retransmits of the $3, $2 of them before it closed" && return
	fail "retransmits of the $3: '$1' instead of '$2', and $late later by the kernel"
}

tcp_counted() { # CONNECTS REQUESTS
	exactly "$(tcp_figure connect count)" "$1" "connects"
	exactly "$(tcp_figure accept count)" "$1" "accepts"
	exactly "$(tcp_figure request count)" "$2" "requests"
	exactly "$(tcp_figure serve count)" "$2" "serves"
	equal "$(tcp_figure request histogram)" "$(tcp_figure request count)" "histogram's count of request"
	equal "$(tcp_figure serve histogram)" "$(tcp_figure serve count)" "histogram's count of serve"
}

# ---- what is to be seen of each ------------------------------------------------------------

see_delays() {
	tcp_counted 4 20
	no_longer connect "$(truth connect_ns)"
	near request "$(truth request_ns)"
	near serve "$(answerer_truth serve_ns)"
	near accept "$(answerer_truth accept_ns)"
	retransmits
	at_least "$(tcp_figure accept min_ns)" 30000000 "shortest wait to be accepted"
	at_least "$(tcp_figure serve min_ns)" 20000000 "shortest serve"
	at_least "$(tcp_figure request min_ns)" 20000000 "shortest request"
}

see_lost() {
	tcp_counted 1 3
	at_least "$(truth retransmits)" 3 "retransmits by the asker's TCP_INFO"
	retransmits
	near request "$(truth request_ns)"
}

see_lost_answer() {
	tcp_counted 1 3
	at_least "$(answerer_truth retransmits)" 3 "retransmits by the answerer's TCP_INFO"
	retransmits
	near request "$(truth request_ns)"
	near serve "$(answerer_truth serve_ns)"
}

see_slow_connect() {
	tcp_counted 2 2
	near connect "$(truth connect_ns)"
	at_least "$(truth connect_ns)" 900000000 "what the lost SYN cost"
	retransmits
}

see_failures() { # CONNECTS
	equal "$(tcp_figure connect count)" "$1" "connects"
	equal "$(tcp_figure connect histogram)" "$1" "histogram's count of connects"
	equal "$(tcp_figure connect errors)" "$(truth failed)" "failed connects"
}

see_many() { # CONNECTS REQUESTS
	tcp_counted "$1" "$2"
	near_read
	near serve "$(answerer_truth serve_ns)"
	retransmits
}

# A connection that is used in some way; ends as all others do.
see_way() { # REQUESTS
	tcp_counted 1 "$1"
	near request "$(truth request_ns)"
	# Segments, which are all that the tracepoints of older kernels show, do not tell one send from another.
	[ "$backend/$case" = tracepoint/upload ] ||
		exactly "$(tcp_figure request pipelined)" "$(truth pipelined)" "further sends"
	retransmits
}

# A last word is given up by its sender, and one that its sender waits for has failed.
see_last_word() {
	exactly "$(tcp_figure request count)" 8 "requests"
	exactly "$(tcp_figure request errors)" "$(truth failed)" "requests that failed"
	equal "$(truth failed)" 3 "requests that the program waited for in vain"
}

see_case() { # CASE
	case=$1 done=$(cat $work/$1/asker.done) served=$(cat $work/$1/answerer.done)
	case $1 in
	delays | delays6 | mapped) see_delays ;;
	lost) see_lost ;;
	lost-answer) see_lost_answer ;;
	slow) see_slow_connect ;;
	refused) see_failures 5 ;;
	taken) see_failures 6 ;;
	many) see_many 200 1000 ;;
	before) see_many 0 25 ;;
	sendfile) see_way 6 ;;
	upload) see_way 3 ;;
	half-closed) see_way 1 ;;
	unread) see_way 4 ;;
	batches | halves | banner | threads) see_way 5 ;;
	last-word) see_last_word ;;
	esac
}

# ---- all of a backend ----------------------------------------------------------------------

# Does something for each case, and keeps what is wrong with it: it is left alone from then on.
for_each_case() { # FUNCTION; the cases are $cases
	for each in $cases; do
		name=tcp-$each/$backend
		reason=$(cat $work/$each/reason)
		[ -n "$reason" ] || "$1" $each
		echo "$reason" >$work/$each/reason
	done
}

# Whose connections: an answerer's are those to its port, an asker's those to whom it asks.
tcp_ends() { # CASE KIND
	case $2 in
	serve | accept) echo "port=$(cat $work/$1/port)" ;;
	*) case ${asks%% *} in
		$NOBODY) echo "peer=$NOBODY" ;;
		*:*) echo "peer=[${asks%% *}]:$(cat $work/$1/port)" ;;
		*) echo "peer=${asks%% *}:$(cat $work/$1/port)" ;;
		esac ;;
	esac
}

# lapse's components for them.
tcp_components() {
	for each in $cases; do
		tcp_case $each
		for kind in $kinds; do
			echo "$kind.$each=tcp:$kind $(tcp_ends $each $kind)"
		done
	done
}

trace_cases() {
	pids=$(cat $work/*/*.pid | tr '\n' ',')
	set --
	while read -r component; do
		set -- "$@" "$component"
	done <<-END
		$(tcp_components)
	END
	start_lapse stat -p "${pids%,}" "$@" --tcp-backend="$backend" --json ||
		fail "lapse does not trace: $(tail -n 1 $work/lapse.err)"
}

# Of all segments that were sent again, those that no program has told of.
untold_retransmits() {
	told=0
	for done in $work/*/*.done; do
		words=$(cat $done)
		told=$((told + $(word_of retransmits "$words") + 0))
	done
	echo $(($(kernel_resent) - resent - told))
}

work_cases() {
	resent=$(kernel_resent)
	for_each_case work_case
	name=tcp-conserved/$backend reason=
	stop_lapse
	exactly "$(became)" "$(integrity entries)" "what became of the entries"
	conserved_reason=$reason
	for_each_case end_case
	late=$(untold_retransmits)
	for_each_case see_case
}

begin_cases() {
	rm -rf $work
	for each in $cases; do
		mkdir -p $work/$each && : >$work/$each/reason
	done
	for_each_case start_case
}

# Nothing can be seen of any.
give_up_cases() {
	conserved_reason=$reason
	for each in $cases; do
		grep -q . $work/$each/reason || echo "$conserved_reason" >$work/$each/reason
	done
}

# Whatever is still there of them.
leave_cases() {
	for each in $work/*/*.holder $work/*/*.pid; do
		kill -9 $(cat $each) 2>/dev/null
	done
	clean
}

run_cases_once() {
	tracer='' reason='' conserved_reason=''
	begin_cases
	trace_cases
	if [ -z "$reason" ]; then
		work_cases
	else
		give_up_cases
	fi
	leave_cases
}

cases_went_wrong() {
	[ -n "$conserved_reason" ] || cat $work/*/reason | grep -q .
}

# Those of CASES that are wanted, all in one go.
run_cases() { # BACKEND CASES...
	backend=$1 cases='' turn=0
	shift
	for each in "$@"; do
		case tcp-$each/$backend in *"$only"*) cases="$cases $each" ;; esac
	done
	[ -n "$cases" ] || return
	look_at_clock
	started=$tenths
	while [ $turn -lt "$times" ]; do
		turn=$((turn + 1))
		run_cases_once
		! cases_went_wrong || break
	done
	look_at_clock
	note "$backend: $((tenths - started)) tenths of a second, $turn times"
	for each in $cases; do
		reason=$(cat $work/$each/reason)
		tell_result tcp-$each/$backend
	done
	reason=$conserved_reason
	tell_result tcp-conserved/$backend
}

tcp_tests() {
	for backend in fentry kprobe tracepoint; do
		if [ "$(doctor_says "tcp $backend")" = true ]; then
			run_cases $backend $OF_EACH
			[ $backend != kprobe ] || run_cases $backend $OF_ALL
		else
			skip "tcp/$backend" "this kernel has no such way to trace TCP"
		fi
	done
}
