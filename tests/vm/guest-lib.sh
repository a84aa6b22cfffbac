# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests inside of a machine share: results, targets, the tracer, and reading its JSON.
# A test is a function that calls fail, at most once with effect, when something is wrong; $only is a
# part of the names of those that are wanted, $times how often each of them runs.
# shellcheck disable=SC2034,SC2154

# Seconds for anything that should take one: all is emulated, and may share its processor.
LIMIT=150

results=0 failures=0
work=/tmp/work

# ---- results -------------------------------------------------------------------------------

note() { printf '# %s\n' "$*"; }

fail() { [ -n "$reason" ] || reason=$*; }

equal() { # GOT WANTED WHAT
	[ "$1" = "$2" ] || fail "$3: '$1' instead of '$2'"
}

at_least() { # GOT BOUND WHAT
	[ "${1:-0}" -ge "$2" ] 2>/dev/null || fail "$3: '$1' is below $2"
}

contains() { # FILE PATTERN WHAT
	grep -qE "$2" "$1" || fail "$3 says nothing of /$2/: $(tail -n 2 "$1" | tr '\n' ' ')"
}

skip() { # NAME REASON
	results=$((results + 1))
	printf 'skip %s: %s\n' "$1" "$2"
}

# Since the machine's start, in $tenths.
look_at_clock() {
	read -r uptime _ </proc/uptime
	tenths=${uptime%.*}${uptime#*.}
	tenths=$((${tenths#"${tenths%%[1-9]*}"} / 10))
}

# A test leaves nothing that runs, whatever happened in it.
run_once() { # FUNCTION ARGUMENTS...
	reason='' target='' tracer=''
	rm -rf $work && mkdir -p $work
	"$@"
	clean
}

# What a person wants to see of a failed test.
evidence() {
	[ ! -s $work/lapse.out ] || tail -n 1 $work/lapse.out | sed 's/^/# lapse: /'
	[ ! -s $work/lapse.err ] || sed 's/^/# lapse: /' $work/lapse.err | tail -n 8
	[ ! -s $work/target.err ] || sed 's/^/# target: /' $work/target.err | tail -n 4
}

# What came of a test, of which $reason says what is wrong with it.
tell_result() { # NAME
	results=$((results + 1))
	if [ -z "$reason" ]; then
		printf 'ok %s\n' "$1"
		return
	fi
	failures=$((failures + 1))
	printf 'FAIL %s: %s\n' "$1" "$reason"
	evidence
}

run_test() { # NAME FUNCTION ARGUMENTS...
	name=$1 turn=0
	shift
	case $name in *"$only"*) ;; *) return ;; esac
	look_at_clock
	started=$tenths
	while [ $turn -lt "$times" ]; do
		turn=$((turn + 1))
		run_once "$@"
		[ -z "$reason" ] || break
	done
	look_at_clock
	note "$name: $((tenths - started)) tenths of a second, $turn times"
	tell_result "$name"
}

clean() {
	exec 3>&-
	[ -z "$tracer" ] || kill -9 "$tracer" 2>/dev/null
	[ -z "$target" ] || kill -9 "$target" 2>/dev/null
	wait
}

# ---- waiting -------------------------------------------------------------------------------

alive() { # PID; a zombie is not
	case $(sed -n 's/^.*) \(.\) .*/\1/p' "/proc/$1/stat" 2>/dev/null) in
	'' | Z | X) return 1 ;;
	esac
}

# Waits for a line in a file; in vain when the process that writes it has ended.
wait_line() { # FILE PATTERN PID
	await line "$1" "$2" "$3" $LIMIT
}

wait_end() { # PID; its exit code in $code
	await end "$1" $LIMIT || { code='none: it still runs'; return 1; }
	wait "$1"
	code=$?
}

# ---- targets: ready, go, done --------------------------------------------------------------

start_target() { # PROGRAM ARGUMENTS...
	program=$1
	shift
	rm -f $work/in $work/target.out && mkfifo $work/in
	"/targets/$program" "$@" <$work/in >$work/target.out 2>$work/target.err &
	target=$!
	exec 3>$work/in
	wait_line $work/target.out '^ready ' $target || fail "$program was never ready"
}

# In a shell of its own, which alone is ended by the pipe of a dead target.
go() { (echo go >&3) 2>/dev/null; }

# Waits for the work's end; $done is what was done in truth.
await_done() {
	wait_line $work/target.out '^done' "$target" || fail "$program was never done: $(cat $work/target.err)"
	done=$(sed -n 's/^done //p' $work/target.out)
}

# Of "KEY=VALUE ..." the value.
word_of() { # KEY WORDS
	for word in $2; do
		case $word in "$1="*) echo "${word#*=}" && return ;; esac
	done
}

truth() { word_of "$1" "$done"; } # KEY

# Sum of a truth's numbers, which commas part.
truth_sum() { # KEY
	echo $(($(truth "$1" | tr ',' '+')))
}

finish_target() {
	exec 3>&-
	wait_end "$target"
	equal "$code" 0 "exit code of $program"
	target=
}

# What PROGRAM does when nobody watches, in $plain.
run_untraced() { # PROGRAM ARGUMENTS...
	start_target "$@"
	go
	await_done
	plain=$done
	finish_target
}

# ---- the tracer ----------------------------------------------------------------------------

# Not over the target's pipe: the target ends when that is closed.
start_lapse() { # ARGUMENTS...
	rm -f $work/lapse.out $work/lapse.err
	lapse "$@" >$work/lapse.out 2>$work/lapse.err </dev/null 3>&- &
	tracer=$!
	wait_line $work/lapse.err '^lapse: tracing [0-9]+ probe' $tracer
}

trace() { # KIND PROBES...; fails unless it traces
	kind=$1
	shift
	start_lapse stat -p "$target" "$@" --attach="$kind" --json || {
		wait_end "$tracer"
		tracer=
		fail "lapse does not trace, exit code $code: $(tail -n 1 $work/lapse.err)"
		return 1
	}
}

# lapse may refuse what could hurt a target, with a reason; never hurt it.
trace_or_refuse() { # KIND PROBES...
	kind=$1
	shift
	start_lapse stat -p "$target" "$@" --attach="$kind" --json && return
	wait_end "$tracer"
	tracer=
	equal "$code" 4 "exit code without tracing"
	[ -s $work/lapse.err ] || fail "it refused without a word"
	note "$name: refused: $(tail -n 1 $work/lapse.err)"
	return 1
}

# The final report and a good end.
stop_lapse() {
	kill -TERM "$tracer" 2>/dev/null || fail "lapse ended early"
	wait_end "$tracer"
	tracer=
	equal "$code" 0 "exit code of lapse"
	grep '"type":"final"' $work/lapse.out >$work/final
	equal "$(grep -c . $work/final)" 1 "final objects"
}

# ---- its JSON ------------------------------------------------------------------------------

integrity() { figure integrity "$@" <$work/final; } # KEY...; their sum

figure_of() { figure component "$1" "$2" <$work/final; } # NAME KEY

count_of() { figure_of "$1" count; } # NAME

histogram_of() { figure_of "$1" histogram; } # NAME

counted() { # NAME COUNT
	equal "$(count_of "$1")" "$2" "count of $1"
	equal "$(histogram_of "$1")" "$2" "histogram's count of $1"
}

# Of how many entries it is known what became of them.
became() { integrity returns in_flight abandoned jumps too_deep restarted; }

# Every entry must be found again somewhere.
conserved() {
	equal "$(integrity entries)" "$(became)" "entries against what became of them"
	equal "$(integrity returns_without_entry)" 0 "returns without an entry"
}

# What the kernel left out is noted only: it counts programs that tell of processes too, and of a span's
# programs the exact counts speak.
lossless() {
	conserved
	for key in too_deep maps_full abandoned; do
		equal "$(integrity $key)" 0 "$key"
	done
	missed=$(integrity kernel_missed)
	[ "$missed" = 0 ] || note "$name: the kernel missed $missed runs"
}
