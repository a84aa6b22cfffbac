// SPDX-License-Identifier: GPL-2.0-or-later
/* Contract files: what they come to, and what is said of bad ones. */
#include "tests/unit/config.h"

static const struct bad_file bad[] = {
	/* YAML */
	{"", "1:1: the file is empty; a contract file begins with 'lapse: 1'"},
	{"# only a comment\n", "2:1: the file is empty"},
	{"--- 5\n", "1:5: a value where a mapping belongs"},
	{"[a]\n", "1:1: a list where a mapping belongs"},
	{FLOW "---\nlapse: 1\n", "3:1: several documents in one file"},
	{"lapse: 1\nlapse: 1\n", "2:1: duplicate key 'lapse', first on line 1"},
	{HEAD "    contract: {max_p99: 1ms, max_p99: 2ms}\n",
	 "5:30: duplicate key 'max_p99', first on line 5"},
	{"lapse: 1\ntarget:\n", "2:1: 'target' has no value"},
	{"lapse: 1\ntarget: ~\n", "2:1: 'target' has no value"},
	{"lapse: 1\ntarget: {exe: null}\n", "2:10: 'exe' has no value; leave the key out, or quote 'null'"},
	{"lapse: &one 1\n", "1:8: anchor '&one'"},
	{"lapse: 1\nwindow: *one\n", "2:9: aliases are not part of a contract file"},
	{"lapse: !!int 1\n", "1:8: tag 'tag:yaml.org,2002:int'"},
	{"lapse: !x {}\n", "1:8: tag '!x'"},
	{"lapse: 1\n\tx: 1\n",
	 "2:1: found a tab character that violates indentation; indent by spaces, not by tabs"},
	{"lapse: 1\ncomponents:\n\ta: {measure: f}\n",
	 "3:1: found character that cannot start any token; indent by spaces"},
	{"lapse: \"1\n", "1:8: the quote that begins here has no end"},
	{"lapse: 1\ncomponents:\n  a: {measure: 'f}\n\n\n", "3:16: the quote that begins here has no end"},
	{"\xef\xbb\xbflapse: 2\n", "1:8: format version '2' is not known"},
	{"lapse: \"1\\0\"\n", "1:8: a zero byte in a value"},
	{"lapse: 1\nx: \xff\n", "2:4: invalid leading UTF-8 octet"},
	{"[[[[[[[[[[[[[[[[[[[[[[[[", "1:18: nested more than 16 levels deep"},
	{"? {a: 1}\n: 2\n", "1:3: a key must be a word"},
	{"lapse: 1\nhandlers: [~]\n", "2:12: an empty value in a list"},

	/* probes that YAML takes apart */
	{"lapse: 1\ncomponents:\n  a: {measure: ns::f(int, long)}\n",
	 "3:27: 'long)' became a key of its own"},
	{"lapse: 1\ncomponents:\n  a: {measure: ns::f(int, long)}\n", "quote this"},
	{"lapse: 1\ncomponents:\n  a:\n   measure: f\n    contract: {max_p99: 1s}\n",
	 "5:13: mapping values are not allowed in this context; indent this line like those that it belongs "
	 "to"},
	{"lapse: 1\ncomponents:\n  a:\n    measure: f\n   contract: {max_p99: 1s}\n",
	 "5:4: did not find expected key; indent this line"},
	{"lapse: 1\ncomponents:\n  a:\n    measure: f err: 1\n",
	 "4:19: mapping values are not allowed in this context; where a probe or '*' is meant, quote this"},
	{"lapse: 1\ncomponents:\n  a:\n    measure: {f: 1}\n",
	 "4:14: 'measure' takes a probe, not a mapping"},
	{"lapse: 1\ncomponents:\n  a:\n    measure: [f]\n", "quote this"},
	{"lapse: 1\ncomponents:\n  a:\n    measure: *_request\n",
	 "4:14: aliases are not part of a contract file; where a glob is meant, quote this"},
	{"lapse: 1\ncomponents:\n  a: {measure: f, 'g(x)': 1}\n",
	 "3:19: unknown key 'g(x)'; where this is a part of a probe, quote the whole probe"},

	/* the file */
	{"components: {a: {measure: f}}\n", "1:1: 'lapse' is missing"},
	{"lapse: 2\n", "1:8: format version '2' is not known; this lapse reads 1"},
	{"lapse: [1]\n", "1:8: 'lapse' takes the version of this format, 1, not a list"},
	{"lapse: 1\n", "1:1: 'components' is missing"},
	{"lapse: 1\ncomponents: {}\n", "2:13: 'components' is empty"},
	{"lapse: 1\ncomponents: []\n",
	 "2:13: 'components' takes a mapping of names to components, not a list"},
	{"lapse: 1\ncomponent: {}\n", "2:1: unknown key 'component', nearest is 'components'"},
	{"lapse: 1\nzzzzzzzz: 1\n", "2:1: unknown key 'zzzzzzzz'\n"},
	{"lapse: 1\ntarget: {}\n", "2:9: 'target' takes one of pid, exe, comm, cgroup, unit and container"},
	{"lapse: 1\ntarget: {pid: 1, comm: x}\n", "2:18: 'comm' beside 'pid': a target is named in one way"},
	{"lapse: 1\ntarget: {unit: a, container: abcd}\n", "2:19: 'container' beside 'unit'"},
	{"lapse: 1\ntarget: {pid: 0}\n", "2:15: '0' is out of bounds: 'pid' takes 1 to 2147483647"},
	{"lapse: 1\ntarget: {pid: x}\n", "2:15: 'x' is not what 'pid' takes: a process number, or a list"},
	{"lapse: 1\ntarget: {pid: []}\n", "2:15: 'pid' is an empty list"},
	{"lapse: 1\ntarget: {units: nginx.service}\n", "2:10: unknown key 'units', nearest is 'unit'"},
	{"lapse: 1\ntarget: {unit: [nginx.service]}\n",
	 "2:16: 'unit' takes the name of a unit of systemd, such as nginx.service, not a list"},
	{"lapse: 1\ntarget: {unit: backup.timer}\n",
	 "2:16: 'backup.timer' is not the name of a unit that has"},
	{"lapse: 1\ntarget: {cgroup: system.slice}\n",
	 "2:18: 'system.slice' is not the path of a control group"},
	{"lapse: 1\ntarget: {container: web}\n", "2:21: 'web' is not the beginning of a container's id"},
	{"lapse: 1\ncomponents:\n  a:\n    measure: f\n    target: {exe: /x, pid: 3}\n",
	 "5:23: 'pid' beside 'exe': a target is named in one way; a component may have another"},
	{"lapse: 1\ncomponents:\n  a:\n    measure: f\n    target: {commm: x}\n",
	 "5:14: unknown key 'commm', nearest is 'comm'"},
	{"lapse: 1\ntarget: {comm: 0123456789abcdef}\n",
	 "2:16: '0123456789abcdef': the kernel keeps 15 bytes"},
	{"lapse: 1\ntarget: {exe: ''}\n", "2:15: 'exe' is empty"},

	/* waits */
	{FLOW "waits: {}\n", "3:8: 'waits' is empty: no function is a wait"},
	{FLOW "waits: [f]\n", "3:8: 'waits' takes a mapping of causes to functions such as {lock: ["},
	{FLOW "waits: {lok: f}\n", "3:9: unknown key 'lok', nearest is 'lock'"},
	{FLOW "waits: {poll: f}\n", "3:9: unknown key 'poll'"},
	{FLOW "waits: {lock: []}\n", "3:15: 'lock' is an empty list"},
	{FLOW "waits: {lock: {a: f}}\n", "3:15: 'lock' takes a function, or a list of them, not a mapping"},
	{FLOW "waits: {lock: [[f]]}\n", "3:16: 'lock' takes a function, or a list of them, not a list"},
	{FLOW "waits: {lock: ''}\n", "3:15: 'lock' is empty"},
	{FLOW "waits: {lock: [f, g], net: f}\n", "3:28: 'f' is a wait for 'lock' already, in line 3"},

	/* windows */
	{"lapse: 1\nwindow: 10\n", "2:9: '10' has no unit: write 10ms, 10s or another of"},
	{"lapse: 1\nwindow: 500ms\n", "2:9: '500ms' is out of bounds: 'window' takes 1"},
	{"lapse: 1\nwindow: 1500ms\n", "2:9: '1500ms': a window is whole seconds"},
	{"lapse: 1\nwindow: 2h\n", "2:9: '2h' is out of bounds"},
	{"lapse: 1\nwindow: ten\n",
	 "2:9: 'ten' is not what 'window' takes: a duration such as 10s, or {last: 100}"},
	{"lapse: 1\nwindow: {last: 1}\n", "2:16: '1' is out of bounds: 'last' takes 2 to 10000"},
	{"lapse: 1\nwindow: {last: 10001}\n", "2:16: '10001' is out of bounds: 'last' takes 2 to 10000"},
	{"lapse: 1\nwindow: {last: 99999999999999999999}\n", "2:16: '99999999999999999999' is out of bounds"},
	{"lapse: 1\nwindow: {last: -5}\n", "2:16: '-5' is not what 'last' takes: a count of spans"},
	{"lapse: 1\nwindow: {}\n", "2:9: 'last' is missing"},

	/* thresholds and alerts */
	{"lapse: 1\nthresholds: {critical: {latency_multiplier: 0.5}}\n",
	 "2:45: the critical latency_multiplier 0.5 is below the warning one 1"},
	{"lapse: 1\nthresholds: {warning: {latency_multiplier: 3}}\n",
	 "2:1: the critical latency_multiplier 2 is below the warning one 3"},
	{"lapse: 1\nthresholds: {critical: {uptime: 99.9%}}\n",
	 "2:33: the critical uptime 0.999 is above the warning one 0.995"},
	{"lapse: 1\nthresholds: {critical: {error_rate: 0%}}\n", "2:37: '0%': 'error_rate' must be above 0"},
	{"lapse: 1\nthresholds: {critical: {error_rate: 120%}}\n",
	 "2:37: '120%' is out of bounds: 'error_rate' takes a share from 0% to 100%"},
	{"lapse: 1\nthresholds: {warning: {error_rate: 1%}}\n", "2:24: unknown key 'error_rate'"},
	{"lapse: 1\nthresholds: {warning: 2}\n", "2:23: '2' is not what 'warning' takes: a mapping"},
	{"lapse: 1\nthresholds: {warning: {latency_multiplier: inf}}\n", "2:44: 'inf' is not what"},
	{"lapse: 1\nthresholds: {warning: {latency_multiplier: 0}}\n", "2:44: '0' is out of bounds"},
	{"lapse: 1\nalerts: {cooldown: 60}\n", "2:20: '60' has no unit: write 60ms, 60s"},
	{"lapse: 1\nalerts: {cooldown: 2d}\n", "2:20: '2d' is out of bounds: 'cooldown' takes 0"},
	{"lapse: 1\nalerts: {resolve_after: 0s}\n", "2:25: '0s' is out of bounds"},
	{"lapse: 1\nalerts: {cooldwon: 60s}\n", "2:10: unknown key 'cooldwon', nearest is 'cooldown'"},
	{"lapse: 1\nalerts: {COOLDOWN: 60s}\n", "2:10: unknown key 'COOLDOWN', nearest is 'cooldown'"},

	/* components */
	{"lapse: 1\ncomponents: {a: {}}\n", "2:17: 'measure' is missing: the probe whose spans these are"},
	{"lapse: 1\ncomponents: {a: f}\n",
	 "2:17: component 'a' takes a mapping such as {measure: FUNC}, not a value"},
	{"lapse: 1\ncomponents: {system: {measure: f}}\n",
	 "2:14: 'system' is the name of all components together"},
	{"lapse: 1\ncomponents: {'': {measure: f}}\n", "2:14: a component needs a name"},
	{"lapse: 1\ncomponents: {\"a\\n\": {measure: f}}\n", "2:14: a control character"},
	{"lapse: 1\ncomponents: {a: {measure: ''}}\n", "2:27: 'measure' is empty"},
	{HEAD "    mesure: f\n", "5:5: unknown key 'mesure', nearest is 'measure'"},
	{HEAD "    thresholds: {warning: {latency_multiplier: 2.5}}\n",
	 "5:5: the critical latency_multiplier 2 is below the warning one 2.5"},

	/* contracts */
	{HEAD "    contract: {}\n", "5:15: 'contract' is empty"},
	{HEAD "    contract: 30ms\n", "5:15: '30ms' is not what 'contract' takes: a mapping of objectives"},
	{HEAD "    contract: {max_latancy: 3ms}\n",
	 "5:16: unknown objective 'max_latancy', nearest is 'max_latency'"},
	{HEAD "    contract: {min_cache_hitrate: 95%}\n",
	 "5:16: unknown objective 'min_cache_hitrate', nearest is 'min_cache_hit_rate'"},
	{HEAD "    contract: {max_latency: 30}\n", "5:29: '30' has no unit: write 30ms, 30s"},
	{HEAD "    contract: {max_latency: 0ms}\n", "5:29: the limit '0ms' must be above 0"},
	{HEAD "    contract: {max_latency: 3m}\n", "5:29: '3m' is not what 'max_latency' takes: a duration "
						   "such as 30ms; units are ns, us, ms, s, min, h, "
						   "d"},
	{HEAD "    contract: {max_latency: 400d}\n",
	 "5:29: '400d' is out of bounds: 'max_latency' takes 1 ns to 366 d"},
	{HEAD "    contract: {max_latency: 99999999999999999999s}\n",
	 "5:29: '99999999999999999999s' is out of"},
	{"lapse: 1\nalerts: {cooldown: 99999999999999999999s}\n",
	 "2:20: '99999999999999999999s' is out of bounds: 'cooldown' takes 0 ns to 24.0 h"},
	{HEAD "    contract: {max_latency: -3ms}\n", "5:29: the limit '-3ms' must be above 0"},
	{HEAD "    contract: {max_latency: 95%}\n",
	 "5:29: '95%' is not what 'max_latency' takes: a duration such as 30ms"},
	{HEAD "    contract: {max_latency: [3ms]}\n",
	 "5:29: 'max_latency' takes a duration such as 30ms, not a list"},
	{HEAD "    contract: {max_p99: {for: 5s}}\n", "5:25: 'limit' is missing"},
	{HEAD "    contract: {max_p99: {limit: 3}}\n", "5:33: '3' has no unit"},
	{HEAD "    contract: {max_p99: {limit: 3ms, breaches: 3/10s}}\n",
	 "5:38: 'breaches' belongs to span objectives; 'max_p99' is judged over the window"},
	{HEAD "    contract: {max_latency: {limit: 3ms, for: 5s}}\n",
	 "5:42: 'for' belongs to window objectives; 'max_latency' is judged span by span"},
	{HEAD "    contract: {max_latency: {limit: 3ms, over: 5s}}\n",
	 "5:42: 'over' belongs to window objectives"},
	{HEAD "    contract: {max_latency: {limit: 3ms, breaches: 3}}\n",
	 "5:52: '3' is not what 'breaches' takes: a count and a time such as 3/10s"},
	{HEAD "    contract: {max_latency: {limit: 3ms, breaches: 0/10s}}\n", "5:52: '0/10s' is not what"},
	{HEAD "    contract: {max_latency: {limit: 3ms, breaches: -3/10s}}\n", "5:52: '-3/10s' is not what"},
	{HEAD "    contract: {max_latency: {limit: 3ms, severity: bad}}\n",
	 "5:52: 'bad' is not what 'severity' takes: notice, warning or critical"},
	{HEAD "    contract: {max_p99: {limit: 3ms, min_samples: 1}}\n", "5:51: '1' is out of bounds"},
	{HEAD "    contract: {max_latency: {limit: 3ms, mode: budget}}\n",
	 "5:16: 'mode: budget' of 'max_latency' needs such as 'target: 99.9%'"},
	{HEAD "    contract: {max_latency: {limit: 3ms, mode: burn}}\n",
	 "5:48: 'burn' is not what 'mode' takes: budget"},
	{HEAD "    contract: {max_latency: {limit: 3ms, mode: budget, target: 100%}}\n",
	 "5:64: the target of 'max_latency' leaves no budget"},
	{HEAD "    contract: {max_latency: {limit: 3ms, target: 99%}}\n",
	 "5:42: 'target' belongs to 'mode: budget'"},
	{HEAD "    contract: {max_latency: {limit: 3ms, period: 30d}}\n",
	 "5:42: 'period' belongs to 'mode: budget'"},
	{HEAD "    contract: {max_latency: {limit: 3ms, mode: budget, target: 99%, period: 5min}}\n",
	 "5:77: '5min' is out of bounds: 'period' takes 60.0 min to"},
	{HEAD "    contract: {max_latency: {limit: 3ms, mode: budget, target: 99%, breaches: 3/10s}}\n",
	 "5:69: 'breaches' does not go with 'mode: budget'"},
	{HEAD "    contract: {max_error_rate: {limit: 1%, mode: budget, over: 10s}}\n",
	 "5:58: 'over' does not go with 'mode: budget'"},
	{HEAD "    contract: {max_error_rate: {limit: 1%, mode: budget, target: 99.9%}}\n",
	 "5:66: the target '99.9%' and the limit do not add up to 100%"},
	{HEAD "    contract: {max_p99: {limit: 3ms, mode: budget}}\n",
	 "5:38: 'mode' belongs to max_latency, max_error_rate and max_failure_rate, not to 'max_p99'"},
	{FLOW "system: {max_error_rate: {limit: 5%, mode: budget}}\n",
	 "3:38: 'mode' belongs to max_latency, max_error_rate and max_failure_rate"},
	{HEAD "    window: {last: 50}\n    contract: {max_p99: 3ms}\n",
	 "6:16: 'max_p99' needs 100 spans, and the window has the last 50"},
	{HEAD "    window: {last: 100}\n    contract: {max_p50: {limit: 3ms, min_samples: 101}}\n",
	 "6:16: 'max_p50' needs 101 spans"},
	{HEAD "    contract: {max_p99: {limit: 3ms, over: 20min}}\n",
	 "5:44: '20min' is out of bounds: 'over' takes 1 s to 600 s"},
	{HEAD "    contract: {min_uptime: {limit: 99%, over: 2d}}\n", "5:47: '2d' is out of bounds"},
	{HEAD "    contract: {min_uptime: 120%}\n",
	 "5:28: '120%' is out of bounds: 'min_uptime' takes a share from 0% to 100%"},
	{HEAD "    contract: {min_uptime: 0%}\n", "5:28: the limit '0%' must be above 0"},
	{HEAD "    contract: {min_uptime: {limit: 99%, breaches: 3/10s}}\n",
	 "5:41: 'breaches' belongs to span objectives; 'min_uptime' is judged over a period"},
	{HEAD "    contract: {max_memory: 100}\n",
	 "5:28: '100' is not what 'max_memory' takes: a size such as 100MB"},
	{HEAD "    contract: {max_memory: 0MB}\n", "5:28: the limit '0MB' must be above 0"},
	{HEAD "    contract: {max_memory: {limit: 1GB, over: 5s}}\n",
	 "5:41: 'over' belongs to window objectives; 'max_memory' is judged each second"},
	{"lapse: 1\nmax_window: 11min\n", "2:13: '11min' is out of bounds: 'max_window' takes"},
	{"lapse: 1\nmax_window: 20s\nwindow: 30s\n", "3:9: '30s' is out of bounds: 'window' takes"},
	{"lapse: 1\nmax_window: 20\n", "2:13: '20' has no unit"},

	{HEAD "    contract: {max_error_rate: 3ms}\n",
	 "5:32: '3ms' is not what 'max_error_rate' takes: a share such as 0.95 or 95%"},
	{HEAD "    contract: {max_error_rate: 0%}\n", "5:32: the limit '0%' must be above 0"},
	{HEAD "    contract: {max_error_rate: 100%}\n",
	 "5:32: the limit '100%' can never be passed, as no rate is above 100%; write a lower one"},
	{HEAD "    contract: {max_failure_rate: {limit: 1}}\n", "5:42: the limit '1' can never be passed"},
	{HEAD "    contract: {max_error_rate: 150}\n",
	 "5:32: '150' is out of bounds: 'max_error_rate' takes"},
	{HEAD "    contract: {max_backlog: 1.5}\n", "5:29: '1.5' is not what 'max_backlog' takes: a count"},
	{HEAD "    contract: {max_backlog: {limit: 5, over: 5s}}\n",
	 "5:40: 'over' belongs to window objectives; 'max_backlog' is judged each second"},
	{HEAD "    contract: {max_error_rate: {limit: 5%, since: start}}\n",
	 "5:44: 'since' belongs to the error rate of all components"},
	{HEAD "    contract: {max_value: 5}\n",
	 "5:27: 'max_value' takes limits of captured values, such as {batch_size: 50}"},
	{HEAD "    contract: {max_value: {}}\n", "5:27: 'max_value' takes limits of captured values"},
	{HEAD "    contract: {max_value: {n: 5ms}}\n",
	 "5:31: '5ms' is not what 'max_value' takes: a whole number"},
	{HEAD "    contract: {min_value: {n: --5}}\n",
	 "5:31: '--5' is not what 'min_value' takes: a whole number"},
	{HEAD "    contract: {min_value: {n: -}}\n", "5:31: "},
	{HEAD "    contract: {max_value: {n: 9223372036854775808}}\n",
	 "5:31: '9223372036854775808' is not what"},
	{HEAD "    contract: {min_batch_size: 0}\n", "5:32: the limit '0' must be above 0"},
	{HEAD "    contract: {max_backlog: -1}\n", "5:29: the limit '-1' must be above 0"},
	{HEAD "    contract: {max_value: {n: {limit: 5, for: 5s}}}\n",
	 "5:42: 'for' belongs to window objectives; 'max_value' is judged span by span"},
	{HEAD "    contract: {min_value: {abcdefghijklmnopqrstuvwx: 5}}\n",
	 "5:28: 'abcdefghijklmnopqrstuvwx' is no name of a value"},

	/* modifiers */
	{HEAD "    err: ''\n", "5:10: 'err' is empty"},
	{HEAD "    err: [ret]\n", "5:10: 'err' takes a test such as \"int ret < 0\", not a list"},
	{HEAD "    err: \"err(int ret < 0)\"\n",
	 "5:10: 'err(int ret < 0)' has brackets: write only what stands"},
	{HEAD "    err: \"ret < 0) value(x=arg1\"\n", "5:10: 'ret < 0) value(x=arg1' has brackets"},
	{HEAD "    values: \"int arg1\"\n", "5:13: 'int arg1' is not what 'values' takes: a mapping"},
	{HEAD "    values: {'a b': \"int arg1\"}\n", "5:14: 'a b' cannot name a value"},
	{HEAD "    values: {abcdefghijklmnopqrstuvwx: arg1}\n",
	 "5:14: 'abcdefghijklmnopqrstuvwx' cannot name"},
	{HEAD "    values: {a: arg1, b: arg1, c: arg1, d: arg1, e: arg1}\n",
	 "5:50: at most 4 values are captured with a span"},
	{HEAD "    values: {a: [arg1]}\n",
	 "5:17: 'values' takes an argument or ret, such as \"int arg1\", not"},
	{HEAD "    timeout: 5\n", "5:14: '5' has no unit"},
	{HEAD "    cache: cache_lookup\n",
	 "5:12: 'cache_lookup' is not what 'cache' takes: a mapping such as"},
	{HEAD "    cache: {measure: cache_lookup}\n", "5:12: 'hit' is missing: look-ups that pass it"},
	{HEAD "    cache: {hit: ret}\n", "5:12: 'measure' is missing"},
	{HEAD "    cache: {measure: g, hit: \"ret != 0\"}\n    hit: \"ret != 0\"\n",
	 "6:5: 'hit' beside 'cache': either the component's own spans"},

	/* all components */
	{FLOW "system: {}\n", "3:9: 'max_error_rate' is missing"},
	{FLOW "system: 5%\n", "3:9: '5%' is not what 'system' takes: a mapping"},
	{FLOW "system: {max_eror_rate: 5%}\n",
	 "3:10: unknown key 'max_eror_rate', nearest is 'max_error_rate'"},
	{FLOW "system: {max_error_rate: 5}\n", "3:26: '5' is out of bounds: 'max_error_rate' takes a share "
					       "from 0 to 1; if percents are meant, write 5%"},
	{FLOW "system: {max_error_rate: {limit: 5%, since: noon}}\n",
	 "3:45: 'noon' is not what 'since' takes: start"},
	{FLOW "system: {max_error_rate: {limit: 5%, over: 1min, since: start}}\n",
	 "3:50: 'since' beside 'over': the rate is taken over one of them"},
	{FLOW "system: {max_error_rate: {limit: 5%, breaches: 3/10s}}\n", "3:38: 'breaches' belongs to span"},
};

static void bad_files(void **state)
{
	(void)state;
	check_bad(bad, sizeof(bad) / sizeof(*bad));
}

static void defaults(void **state)
{
	struct config config;

	(void)state;
	parse_good(FLOW, &config);
	assert_int_equal(config.n_components, 1);
	assert_string_equal(config.components[0].name, "a");
	assert_string_equal(config.components[0].measure, "f");
	assert_int_equal(config.components[0].name_mark.line, 2);
	assert_int_equal(config.components[0].name_mark.column, 14);
	assert_int_equal(config.components[0].measure_mark.column, 27);
	assert_int_equal(config.components[0].window.duration_ns, 10 * SEC);
	assert_int_equal(config.components[0].contract.alerts.cooldown_ns, 60 * SEC);
	assert_int_equal(config.components[0].contract.n_objectives, 0);
	assert_int_equal(config.n_handlers, 0);
	config_free(&config);
}

/* Nothing is above it. */
static void system_switched_off(void **state)
{
	struct config config;

	(void)state;
	parse_good(FLOW "system: {max_error_rate: 100%}\n", &config);
	assert_float_equal(config.system.objectives->limit, 1, 0);
	assert_false(config.system_promised);
	config_free(&config);
}

static void too_many_entries(void **state)
{
	struct config config;
	char *text = NULL, *said;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	(void)state;
	fputs("lapse: 1\ncomponents:\n", file);
	for (int i = 0; i < 4097; i++)
		fprintf(file, "  a%d: {measure: f}\n", i);
	fclose(file);
	assert_int_equal(parse(text, &config, &said), -EINVAL);
	assert_string_equal(said,
			    "lapse: t.yaml:3:3: more than 4096 entries in one mapping; share them out over "
			    "several files, and run lapse once for each\n");
	free(said);
	free(text);
}

/* As editors of Windows write it: with a byte order mark, and with two bytes at the end of a line. */
static void written_elsewhere(void **state)
{
	struct config config;

	(void)state;
	parse_good("\xef\xbb\xbflapse: 1\r\ncomponents:\r\n  a: {measure: f}\r\n", &config);
	assert_string_equal(config.components[0].measure, "f");
	assert_int_equal(config.components[0].name_mark.line, 3);
	assert_int_equal(config.components[0].name_mark.column, 3);
	config_free(&config);
}

/* The keys of a component override the file's one by one, wherever the file says them. */
static void inheritance(void **state)
{
	static const char text[] = "components:\n"
				   "  a:\n"
				   "    measure: f\n"
				   "    thresholds: {warning: {latency_multiplier: 1.2}}\n"
				   "    alerts: {cooldown: 5s}\n"
				   "    window: 20s\n"
				   "  b: {measure: 'ns::g(int, long)'}\n"
				   "lapse: 1\n"
				   "alerts: {resolve_after: 7s, cooldown: 0s}\n"
				   "thresholds:\n"
				   "  critical: {latency_multiplier: 3, error_rate: 20%, uptime: 0.9}\n"
				   "window: {last: 100}\n";
	struct config config;
	const struct config_component *a, *b;

	(void)state;
	parse_good(text, &config);
	a = &config.components[0];
	b = &config.components[1];
	assert_float_equal(a->contract.thresholds.warning_multiplier, 1.2, 0);
	assert_float_equal(a->contract.thresholds.critical_multiplier, 3, 0);
	assert_int_equal(a->contract.alerts.cooldown_ns, 5 * SEC);
	assert_int_equal(a->contract.alerts.resolve_after_ns, 7 * SEC);
	assert_int_equal(a->window.last, 0);
	assert_int_equal(a->window.duration_ns, 20 * SEC);
	assert_float_equal(b->contract.thresholds.warning_multiplier, 1, 0);
	assert_float_equal(b->contract.thresholds.critical_error_rate, 0.2, 1e-12);
	assert_float_equal(b->contract.thresholds.critical_uptime, 0.9, 1e-12);
	assert_int_equal(b->contract.alerts.cooldown_ns, 0);
	assert_int_equal(b->window.last, 100);
	assert_string_equal(b->measure, "ns::g(int, long)");
	config_free(&config);
}

static void objectives(void **state)
{
	static const char text[] =
		HEAD "    contract:\n"
		     "      max_latency: {limit: 30ms, breaches: 3/10s, severity: critical}\n"
		     "      max_p50: 250us\n"
		     "      max_p999: {limit: 1.5s, for: 5s, over: 30s, min_samples: 50}\n";
	struct config config;
	const struct objective *objective;

	(void)state;
	parse_good(text, &config);
	assert_int_equal(config.components[0].contract.n_objectives, 3);
	objective = config.components[0].contract.objectives;
	assert_int_equal(objective[0].kind, OBJ_MAX_LATENCY);
	assert_float_equal(objective[0].limit, 30e6, 0);
	assert_int_equal(objective[0].breaches, 3);
	assert_int_equal(objective[0].breaches_ns, 10 * SEC);
	assert_true(objective[0].has_severity);
	assert_int_equal(objective[0].severity, SEV_CRITICAL);
	assert_int_equal(objective[1].kind, OBJ_MAX_P50);
	assert_float_equal(objective[1].limit, 250e3, 0);
	assert_false(objective[1].has_severity);
	assert_int_equal(objective[2].for_ns, 5 * SEC);
	assert_int_equal(objective[2].over_ns, 30 * SEC);
	assert_int_equal(objective[2].min_samples, 50);
	config_free(&config);
}

static void targets(void **state)
{
	struct config config;

	(void)state;
	parse_good(FLOW "target: {pid: [7, 42]}\n", &config);
	assert_int_equal(config.target.n_pids, 2);
	assert_int_equal(config.target.pids[1], 42);
	config_free(&config);
	parse_good(FLOW "target: {pid: 7}\n", &config);
	assert_int_equal(config.target.n_pids, 1);
	config_free(&config);
	parse_good(FLOW "target: {exe: /bin/x}\n", &config);
	assert_string_equal(config.target.exe, "/bin/x");
	config_free(&config);
	parse_good(FLOW "target: {comm: x}\n", &config);
	assert_string_equal(config.target.comm, "x");
	config_free(&config);
	parse_good(FLOW "target: {cgroup: /a/b/}\n", &config);
	assert_int_equal(config.target.cgroup.by, CGROUP_PATH);
	assert_string_equal(config.target.cgroup.name, "/a/b");
	config_free(&config);
	parse_good(FLOW "target: {unit: nginx}\n", &config);
	assert_int_equal(config.target.cgroup.by, CGROUP_UNIT);
	assert_string_equal(config.target.cgroup.name, "nginx.service");
	config_free(&config);
	parse_good(FLOW "target: {container: '01234'}\n", &config);
	assert_int_equal(config.target.cgroup.by, CGROUP_CONTAINER);
	assert_string_equal(config.target.cgroup.name, "01234");
	config_free(&config);
}

static void targets_of_components(void **state)
{
	struct config config;

	(void)state;
	parse_good("lapse: 1\n"
		   "components:\n"
		   "  a: {measure: f, target: {pid: [7, 8]}}\n"
		   "  b: {measure: f}\n"
		   "  c: {measure: f, target: {unit: web}}\n",
		   &config);
	assert_false(config_names_target(&config.target));
	assert_int_equal(config.components[0].target.n_pids, 2);
	assert_false(config_names_target(&config.components[1].target));
	assert_string_equal(config.components[2].target.cgroup.name, "web.service");
	config_free(&config);
}

static void waits(void **state)
{
	static const struct {
		enum lapse_cause cause;
		const char *name, *function;
		size_t column;
	} wanted[] = {
		{LAPSE_LOCK, "lock", "ProcSleep", 16},
		{LAPSE_LOCK, "lock", "LWLockAcquire", 27},
		{LAPSE_SLEEP, "sleep", "pg_sleep", 50},
	};
	struct config config;

	(void)state;
	parse_good(FLOW "waits: {lock: [ProcSleep, LWLockAcquire], sleep: pg_sleep}\n", &config);
	assert_int_equal(config.n_waits, 3);
	for (size_t i = 0; i < config.n_waits; i++) {
		assert_int_equal(config.waits[i].cause, wanted[i].cause);
		assert_string_equal(config.waits[i].cause_name, wanted[i].name);
		assert_string_equal(config.waits[i].function.text, wanted[i].function);
		assert_int_equal(config.waits[i].function.mark.line, 3);
		assert_int_equal(config.waits[i].function.mark.column, wanted[i].column);
	}
	config_free(&config);
}

static void explained(void **state)
{
	static const char text[] =
		"lapse: 1\n"
		"target: {comm: shop}\n"
		"components:\n"
		"  a: {measure: f, contract: {max_latency: {limit: 30ms, breaches: 3/10s}, max_p99: 20ms}}\n"
		"  b: {measure: g, window: {last: 100}}\n"
		"  c: {measure: g, contract: {min_throughput: {limit: 5/s, over: 2s}}}\n"
		"  d: {measure: g, contract: {min_throughput: 5/s}}\n"
		"waits: {lock: [ProcSleep]}\n"
		"handlers:\n"
		"  - {when: '*', component: a, min_severity: critical, exec: [/bin/x, y], resolved: true}\n"
		"  - {when: LATENCY_VIOLATION, file: alerts.jsonl}\n";
	struct config config;
	char *words;
	size_t length;
	FILE *stream = open_memstream(&words, &length);

	(void)state;
	parse_good(text, &config);
	config_explain(&config, stream);
	fclose(stream);
	assert_non_null(strstr(words, "Traced: every process named shop.\n"));
	assert_non_null(strstr(
		words, "a measures f over 10.0 s and promises\n    max_latency at most 30.0 ms, critical "
		       "above 60.0 ms, an alert on breach 3 within 10.0 s: "));
	assert_non_null(
		strstr(words, " (LATENCY_VIOLATION)\n    max_p99 at most 20.0 ms, critical above 40.0 ms: "));
	assert_non_null(strstr(
		words, "announced again after 60.0 s at the earliest, but when it turns critical; it ends "
		       "after 30.0 s without a breach.\n"));
	assert_non_null(
		strstr(words, "5/s, critical below 2.5/s, over 2.00 s: spans that ended in a unit of time"));
	assert_non_null(
		strstr(words, "5/s, critical below 2.5/s, over a minute, or the window if that is longer: "));
	assert_non_null(strstr(words, "b measures g over the last 100 spans and promises nothing\n"));
	assert_non_null(strstr(
		words, "On every alert when critical of a, and when it ends, this is run: /bin/x y (at "
		       "most 5.00 s).\n"));
	assert_non_null(strstr(words, "Of slow spans, what blocks inside ProcSleep counts as lock.\n"));
	assert_non_null(strstr(words, "On LATENCY_VIOLATION a line is appended to alerts.jsonl.\n"));
	free(words);
	config_free(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files),
		cmocka_unit_test(defaults),
		cmocka_unit_test(written_elsewhere),
		cmocka_unit_test(inheritance),
		cmocka_unit_test(objectives),
		cmocka_unit_test(targets),
		cmocka_unit_test(targets_of_components),
		cmocka_unit_test(explained),
		cmocka_unit_test(system_switched_off),
		cmocka_unit_test(too_many_entries),
		cmocka_unit_test(waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
