// SPDX-License-Identifier: GPL-2.0-or-later
/* Which way of measuring is safe in which process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "probe/odd.h"
#include "probe/safety.h"
#include "probe/traits.h"

#define LIBC                                                                  \
	{                                                                     \
		"/lib/libc.so.6", TRAIT_RUNTIME | TRAIT_LIBC | TRAIT_SWITCHES \
	}
#define STDCXX                                                                        \
	{                                                                             \
		"/lib/libstdc++.so.6", TRAIT_RUNTIME | TRAIT_CATCHES | TRAIT_CLEANUPS \
	}
#define N(list) (sizeof(list) / sizeof((list)[0]))

static void expect(const struct safety_file *mapped, size_t n, enum safety_verdict verdict, const char *why)
{
	struct safety safety = safety_decide(&mapped[0], mapped, n, false, false);

	assert_int_equal(safety.verdict, verdict);
	if (!strstr(safety.why, why))
		fail_msg("why: %s", safety.why);
	assert_int_equal(safety.why[0] == '\0', verdict == SAFETY_RETURN_PROBE);
}

static void test_plain_c(void **state)
{
	const struct safety_file plain[] = {{"/bin/a", 0}, LIBC};
	const struct safety_file with_runtime[] = {{"/bin/a", TRAIT_CANCELS}, STDCXX, LIBC};
	const struct safety_file libc_itself[] = {LIBC, {"/bin/a", 0}};

	(void)state;
	expect(plain, N(plain), SAFETY_RETURN_PROBE, "");
	expect(with_runtime, N(with_runtime), SAFETY_RETURN_PROBE, "");
	expect(libc_itself, N(libc_itself), SAFETY_RETURN_PROBE, "");
}

static void test_exceptions(void **state)
{
	const struct safety_file own[] = {{"/bin/a", TRAIT_CATCHES}, LIBC};
	const struct safety_file own_cleanups[] = {{"/bin/a", TRAIT_CLEANUPS}, LIBC};
	const struct safety_file other[] = {{"/bin/a", 0}, {"/lib/libfoo.so", TRAIT_CATCHES}, LIBC};
	const struct safety_file cleanups[] = {{"/bin/a", 0}, {"/lib/libicu.so", TRAIT_CLEANUPS}, STDCXX};
	const struct safety_file runtime[] = {STDCXX, {"/bin/a", 0}};

	(void)state;
	expect(own, N(own), SAFETY_RETURN_INSNS, "a itself catches");
	expect(own_cleanups, N(own_cleanups), SAFETY_RETURN_INSNS, "a has code for that");
	expect(other, N(other), SAFETY_RETURN_INSNS, "libfoo.so catches");
	expect(cleanups, N(cleanups), SAFETY_RETURN_PROBE, "");
	expect(runtime, N(runtime), SAFETY_RETURN_INSNS, "libstdc++.so.6");
}

/* A virtual machine reads the return addresses of its own functions, not those of others. */
static void test_collectors(void **state)
{
	const struct safety_file own[] = {{"/lib/libjvm.so", TRAIT_WALKS}, {"/bin/java", 0}, LIBC};
	const struct safety_file other[] = {{"/lib/libnet.so", 0}, {"/lib/libjvm.so", TRAIT_WALKS}, LIBC};

	(void)state;
	expect(own, N(own), SAFETY_RETURN_INSNS, "libjvm.so reads return addresses");
	expect(other, N(other), SAFETY_RETURN_PROBE, "");
}

static void test_threads(void **state)
{
	const struct safety_file cancels[] = {{"/bin/a", TRAIT_CANCELS}, LIBC};
	const struct safety_file both[] = {{"/bin/a", TRAIT_CANCELS}, {"/lib/b.so", TRAIT_HANDLERS}, LIBC};
	const struct safety_file handlers[] = {{"/bin/a", TRAIT_HANDLERS}, LIBC};

	(void)state;
	expect(cancels, N(cancels), SAFETY_RETURN_PROBE, "");
	expect(both, N(both), SAFETY_RETURN_INSNS, "clean-up handlers");
	expect(handlers, N(handlers), SAFETY_RETURN_PROBE, "");
}

static void test_stacks(void **state)
{
	const struct safety_file fibers[] = {{"/bin/a", 0}, {"/lib/fib.so", TRAIT_SWITCHES}, LIBC};
	const struct safety_file crypto[] = {{"/bin/a", 0}, {"/lib/libcrypto.so.3", TRAIT_ASYNC_OWNER}, LIBC};
	const struct safety_file async[] = {
		{"/bin/a", TRAIT_ASYNC_USER}, {"/lib/libcrypto.so.3", TRAIT_ASYNC_OWNER}, LIBC};
	const struct safety_file go[] = {{"/bin/a", TRAIT_GO}, LIBC};
	const struct safety_file cgo[] = {{"/lib/c.so", 0}, {"/bin/a", TRAIT_GO}, LIBC};

	(void)state;
	expect(fibers, N(fibers), SAFETY_RETURN_INSNS, "fib.so");
	expect(crypto, N(crypto), SAFETY_RETURN_PROBE, "");
	expect(async, N(async), SAFETY_RETURN_INSNS, "fibers");
	expect(go, N(go), SAFETY_RETURN_INSNS, "written in Go");
	expect(cgo, N(cgo), SAFETY_RETURN_INSNS, "goroutines");
}

static void test_options(void **state)
{
	const struct safety_file go[] = {{"/bin/a", TRAIT_GO | TRAIT_CATCHES}, LIBC};
	const struct safety_file plain[] = {{"/bin/a", 0}, LIBC};

	(void)state;
	assert_int_equal(safety_decide(&go[0], go, N(go), true, true).verdict, SAFETY_RETURN_PROBE);
	assert_int_equal(safety_decide(&plain[0], plain, N(plain), false, true).verdict, SAFETY_RETURN_INSNS);
}

static void test_symbols(void **state)
{
	(void)state;
	assert_int_equal(traits_of_symbol("__cxa_begin_catch", 0), TRAIT_CATCHES);
	assert_int_equal(traits_of_symbol("__cxa_begin_catch", 1), TRAIT_CATCHES);
	assert_int_equal(traits_of_symbol("__gxx_personality_v0", 0), TRAIT_CLEANUPS);
	assert_int_equal(traits_of_symbol("_Unwind_Resume", 0), TRAIT_CLEANUPS);
	assert_int_equal(traits_of_symbol("_Unwind_Resume", 1), 0);
	assert_int_equal(traits_of_symbol("makecontext", 0), TRAIT_SWITCHES);
	assert_int_equal(traits_of_symbol("makecontext", 1), TRAIT_SWITCHES);
	assert_int_equal(traits_of_symbol("sigaltstack", 1), TRAIT_ALTSTACK);
	assert_int_equal(traits_of_symbol("pthread_cancel", 1), 0);
	assert_int_equal(traits_of_symbol("zend_fiber_switch_context", 1), TRAIT_SWITCHES);
	assert_int_equal(traits_of_symbol("ASYNC_start_job", 0), TRAIT_ASYNC_USER);
	assert_int_equal(traits_of_symbol("runtime.morestack", 1), TRAIT_GO);
	assert_int_equal(traits_of_symbol("_ZN3std9panicking20rust_panic_with_hook17h0123456789abcdefE", 1),
			 TRAIT_CATCHES);
	assert_int_equal(traits_of_symbol("rust_eh_personality", 1), TRAIT_CATCHES);
	assert_int_equal(traits_of_symbol("JNI_CreateJavaVM", 1), TRAIT_WALKS);
	assert_int_equal(traits_of_symbol("JNI_CreateJavaVM", 0), 0);
	assert_int_equal(traits_of_symbol("hs_main", 1), TRAIT_HASKELL);
	assert_int_equal(traits_of_symbol("stg_upd_frame_info", 0), TRAIT_HASKELL);
	assert_int_equal(traits_of_symbol("printf", 0), 0);
}

static enum safety_verdict of_haskell(const char *symbol, bool force)
{
	const struct safety_file mapped[] = {{"/bin/a", TRAIT_HASKELL}, LIBC};
	struct safety safety = safety_decide(mapped, mapped, N(mapped), force, false);

	return odd_safety(&safety, symbol, force).verdict;
}

/* A program that GHC has linked has C in it, too. */
static void test_haskell(void **state)
{
	const struct safety_file mapped[] = {{"/bin/a", 0}, {"/lib/libHSrts.so", TRAIT_HASKELL}, LIBC};
	struct safety other = safety_decide(mapped, mapped, N(mapped), false, false);

	(void)state;
	assert_int_equal(of_haskell("Main_zdwstep_info", false), SAFETY_REFUSED);
	assert_int_equal(of_haskell("stg_ap_pp_fast", false), SAFETY_REFUSED);
	assert_int_equal(of_haskell("stg_newArrayzh", true), SAFETY_REFUSED);
	assert_int_equal(of_haskell("stg_exit", false), SAFETY_RETURN_PROBE);
	assert_int_equal(of_haskell("performMajorGC", false), SAFETY_RETURN_PROBE);
	assert_int_equal(of_haskell("_start", false), SAFETY_REFUSED);
	assert_int_equal(odd_safety(&other, "print_info", false).verdict, SAFETY_RETURN_PROBE);
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(traits_of_name("/lib/x86_64-linux-gnu/libc.so.6"), TRAIT_RUNTIME | TRAIT_LIBC);
	assert_int_equal(traits_of_name("/lib64/ld-linux-x86-64.so.2"), TRAIT_RUNTIME | TRAIT_LIBC);
	assert_int_equal(traits_of_name("libc-2.31.so"), TRAIT_RUNTIME | TRAIT_LIBC);
	assert_int_equal(traits_of_name("libstdc++.so.6.0.30"), TRAIT_RUNTIME);
	assert_int_equal(traits_of_name("libcrypto.so.3"), 0);
	assert_int_equal(traits_of_name("/bin/libcat"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_c),	   cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_collectors), cmocka_unit_test(test_threads),
		cmocka_unit_test(test_stacks),	   cmocka_unit_test(test_options),
		cmocka_unit_test(test_symbols),	   cmocka_unit_test(test_names),
		cmocka_unit_test(test_haskell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
