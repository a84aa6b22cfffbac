/* SPDX-License-Identifier: MIT */
/*
 * lapse.h: markers by which a program tells lapse what it does. One header for C (gnu99) and C++ (11),
 * nothing to link. A component is a part of the program that has a latency, named by an identifier:
 *
 *     #include <lapse.h>
 *
 *     int call(struct rpc *rpc)
 *     {
 *             lapse_span_t span = LAPSE_BEGIN(rpcConnection);
 *             int error = send_and_receive(rpc);
 *
 *             LAPSE_END(rpcConnection, span, !error);           // a span of the program's time
 *             LAPSE_VALUE(rpcConnection, "bytes", rpc->length); // a figure: any integer
 *             return error;
 *     }
 *
 *     LAPSE_LATENCY(endToEnd, answered_ns - asked_ns, true);    // a duration that you have measured
 *     LAPSE_CACHE(tokenValidator, entry != NULL);               // a hit or a miss
 *     LAPSE_ERROR(tokenValidator);                              // failed: a failed span of no length
 *     if (LAPSE_ENABLED(queue))                                 // somebody listens: worth to compute
 *             LAPSE_VALUE(queue, "depth", count_them(queue));
 *
 *     // C++: from here to the end of the scope; an exception that leaves it, or fail(), is an error
 *     LAPSE_SCOPE(checkout, span);
 *     if (!pay())
 *             span.fail();
 *
 *     lapse_named_latency("plugin.js", ns, ok);                 // names known at run time only
 *
 * Watch it, in a program that runs, without a restart:
 *
 *     lapse stat  -p PID marker:rpcConnection marker:tokenValidator
 *     lapse trace -p PID --slower 5ms marker:rpcConnection
 *     readelf -n PROGRAM; gdb: info probes; bpftrace -l 'usdt:PROGRAM:lapse:*'
 *
 * Units: durations are nanoseconds (uint64_t), values are int64_t. @ok is a condition: what is true went
 * well. Names are cut at 63 bytes, those of values at 23; a component keeps its first four values. The
 * component "named" is taken.
 *
 * Cost: while nobody listens, a load and a branch at the beginning, a branch at the end; no clock is
 * read. While somebody does, two reads of the time stamp counter. Only what is to be reported (a failed
 * span, or one not shorter than the listener's threshold) runs into a probe. Durations of LAPSE_LATENCY
 * are all reported: the threshold is in cycles.
 *
 * All calls may be made from any thread at any time, signal handlers included. A span may end in another
 * thread, once or never; begun while nobody listened, it is not reported. Arguments are evaluated once,
 * whether anybody listens or not, and cost what they cost.
 *
 * x86-64 Linux with gcc or clang, any optimization, -fPIC, static and -flto. Elsewhere, or with
 * LAPSE_DISABLE defined, the calls do nothing and leave nothing in the program.
 */
#ifndef LAPSE_H
#define LAPSE_H

#include <stdint.h>

/* When a span began, in cycles of the time stamp counter; 0: nobody listened. */
typedef uint64_t lapse_span_t;

#if defined(__x86_64__) && defined(__LP64__) && defined(__linux__) && defined(__GNUC__) && !defined(LAPSE_DISABLE)

/* ---- how it works ------------------------------------------------------------------------------
 *
 * Each component of a linked file has three things, in one COMDAT group: however many objects use it,
 * the linker keeps one.
 *
 *   lapse_marker_NAME   an empty function, on whose first instruction the probe stands: a nop of five
 *                       bytes, which kernels patch into a call. It is a function, and the compiler
 *                       knows that it is called, because that call pushes onto the stack: in mid
 *                       function it would overwrite the red zone.
 *   lapse_area_NAME     struct lapse_site
 *   a note              tells tools about both, in the format of SystemTap's sys/sdt.h
 */
struct lapse_site {
	/* These belong to who listens, and are read at the place that the note tells: */
	volatile uint16_t semaphore; /* not 0: somebody listens; the kernel sets it */
	uint16_t magic;		     /* 0x1a95 */
	uint32_t version;	     /* 1 */
	volatile uint64_t threshold_cycles; /* good spans that are shorter are not reported */
	/* This is the header's own: */
	uint64_t marker; /* how far the function is from this field */
};

/* The marker's arguments: what happened, and three more by it. */
enum lapse_what_ {
	lapse_what_span_ = 1,  /* start in cycles (0: unknown), duration, enum lapse_how_ */
	lapse_what_cache_ = 2, /* 1: hit, 0: miss */
	lapse_what_value_ = 3, /* address of the name, value */
};

enum lapse_how_ {
	lapse_how_failed_ = 1,
	lapse_how_ns_ = 2, /* the duration is in nanoseconds, not in cycles, and ends now */
};

/* Its text is long, but it is one instruction: inlining shall count it as such. */
#if __GNUC__ >= 9 || (defined(__clang__) && __clang_major__ >= 11)
#define LAPSE_ASM_ __asm__ __inline__
#else
#define LAPSE_ASM_ __asm__
#endif

#define LAPSE_SYMBOL_(symbol, type)     \
	".weak " symbol "\n"            \
	".hidden " symbol "\n"          \
	".type " symbol ", @" type "\n" \
	symbol ":\n"

#define LAPSE_DEFINE_FUNCTION_(symbol, bytes)                                            \
	".pushsection .text." symbol ",\"axG\",@progbits," symbol ",comdat\n"            \
	".p2align 4\n" LAPSE_SYMBOL_(symbol, "function") ".byte " bytes "\n"             \
	".size " symbol ", . - " symbol "\n"                                             \
	".popsection\n"

#define LAPSE_DEFINE_AREA_(name)                                                         \
	".pushsection .probes,\"awG\",@progbits,lapse_marker_" name ",comdat\n"          \
	".balign 32\n" LAPSE_SYMBOL_("lapse_area_" name, "object")                       \
	".2byte 0, 0x1a95\n"                                                             \
	".4byte 1\n"                                                                     \
	".8byte 0\n"                                                                     \
	".8byte lapse_marker_" name " - .\n"                                             \
	".size lapse_area_" name ", . - lapse_area_" name "\n"                           \
	".popsection\n"

/* Tools take the file's addresses from this section's, should prelink have moved the file. */
#define LAPSE_DEFINE_BASE_                                                               \
	".ifndef _.stapsdt.base\n"                                                       \
	".pushsection .stapsdt.base,\"aG\",@progbits,.stapsdt.base,comdat\n"             \
	".weak _.stapsdt.base\n"                                                         \
	".hidden _.stapsdt.base\n"                                                       \
	"_.stapsdt.base: .space 1\n"                                                     \
	".size _.stapsdt.base, 1\n"                                                      \
	".popsection\n"                                                                  \
	".endif\n"

#define LAPSE_DEFINE_NOTE_(name, args)                                                   \
	".pushsection .note.stapsdt,\"G\",@note,lapse_marker_" name ",comdat\n"          \
	".balign 4\n"                                                                    \
	".4byte 992f - 991f, 994f - 993f, 3\n"                                           \
	"991: .asciz \"stapsdt\"\n"                                                      \
	"992: .balign 4\n"                                                               \
	"993: .8byte lapse_marker_" name ", _.stapsdt.base, lapse_area_" name "\n"       \
	".asciz \"lapse\", \"" name "\", \"" args "\"\n"                                 \
	"994: .balign 4\n"                                                               \
	".popsection\n"

/*
 * The area of the component whose name is the string @name. Whoever asks for it defines it, once in an
 * assembler's input: that may hold many functions, and with -flto many files.
 */
#define LAPSE_SITE_OF_(name, args)                                                       \
	__extension__({                                                                  \
		struct lapse_site *lapse_site_;                                          \
		LAPSE_ASM_(".ifndef lapse_marker_" name "\n"                             \
			   LAPSE_DEFINE_FUNCTION_("lapse_marker_" name,                  \
						  "0x0f,0x1f,0x44,0x00,0x00, 0xc3")      \
			   LAPSE_DEFINE_AREA_(name)                                      \
			   LAPSE_DEFINE_BASE_                                            \
			   LAPSE_DEFINE_NOTE_(name, args)                                \
			   ".endif\n"                                                    \
			   "lea {lapse_area_" name "(%%rip), %0|%0, lapse_area_" name "[rip]}" \
			   : "=r"(lapse_site_));                                         \
		lapse_site_;                                                             \
	})

#define LAPSE_ARGS_	  "8@%%rdi 8@%%rsi 8@%%rdx 8@%%rcx"
#define LAPSE_SITE_(name) LAPSE_SITE_OF_(name, LAPSE_ARGS_)
#define LAPSE_NAMED_	  LAPSE_SITE_OF_("named", LAPSE_ARGS_ " 8@%%r8")

#define LAPSE_UNLIKELY_(condition) __builtin_expect((condition), 0)
#define LAPSE_INLINE_		   static inline __attribute__((__always_inline__, __unused__))
#define LAPSE_COLD_		   static __attribute__((__noinline__, __cold__, __unused__))

#ifdef __cplusplus
#define LAPSE_ADDRESS_(pointer) reinterpret_cast<uint64_t>(pointer)
#define LAPSE_UNSIGNED_(value)	static_cast<uint64_t>(value)
#define LAPSE_NO_NAME_		nullptr
#else
#define LAPSE_ADDRESS_(pointer) ((uint64_t)(pointer))
#define LAPSE_UNSIGNED_(value)	((uint64_t)(value))
#define LAPSE_NO_NAME_		((const char *)0)
#endif

/*
 * Jumps to @marker, with the other arguments where they are. Thus one declaration serves all components,
 * and within namespaces and templates too. Defined in lapse_report_().
 */
#ifdef __cplusplus
extern "C"
#endif
void lapse_call_marker(uint64_t what, uint64_t a, uint64_t b, uint64_t c, const char *name,
		       uint64_t marker) __attribute__((__visibility__("hidden")));

/* Faults the string in: a probe cannot, and would find nothing in a page that nobody has read yet. */
LAPSE_INLINE_ void lapse_touch_(const char *text)
{
	const volatile char *c = text;

	while (*c)
		c++;
}

/* @name: the component's, for the function that serves all names, else NULL. */
LAPSE_COLD_ void lapse_report_(const struct lapse_site *site, uint64_t what, uint64_t a, uint64_t b, uint64_t c,
			       const char *name)
{
	/* notrack jmp *%r9 */
	__asm__ __volatile__(".ifndef lapse_call_marker\n"
			     LAPSE_DEFINE_FUNCTION_("lapse_call_marker", "0x3e,0x41,0xff,0xe1")
			     ".endif\n");
	if (name)
		lapse_touch_(name);
	lapse_call_marker(what, a, b, c, name, LAPSE_ADDRESS_(&site->marker) + site->marker);
}

LAPSE_COLD_ void lapse_finish_(const struct lapse_site *site, lapse_span_t start, int ok, const char *name)
{
	uint64_t now = __builtin_ia32_rdtsc();
	uint64_t cycles = now > start ? now - start : 0; /* another processor's counter may be behind */

	if (!ok || cycles >= site->threshold_cycles)
		lapse_report_(site, lapse_what_span_, start, cycles, ok ? 0 : lapse_how_failed_, name);
}

LAPSE_INLINE_ lapse_span_t lapse_begin_(const struct lapse_site *site)
{
	return LAPSE_UNLIKELY_(site->semaphore) ? __builtin_ia32_rdtsc() : 0;
}

LAPSE_INLINE_ void lapse_latency_(const struct lapse_site *site, uint64_t ns, int ok, const char *name)
{
	if (LAPSE_UNLIKELY_(site->semaphore))
		lapse_report_(site, lapse_what_span_, 0, ns, lapse_how_ns_ | (ok ? 0 : lapse_how_failed_), name);
}

LAPSE_INLINE_ void lapse_cache_(const struct lapse_site *site, int hit, const char *name)
{
	if (LAPSE_UNLIKELY_(site->semaphore))
		lapse_report_(site, lapse_what_cache_, hit ? 1 : 0, 0, 0, name);
}

LAPSE_INLINE_ void lapse_value_(const struct lapse_site *site, const char *value_name, int64_t value,
				const char *name)
{
	if (LAPSE_UNLIKELY_(site->semaphore)) {
		lapse_touch_(value_name);
		lapse_report_(site, lapse_what_value_, LAPSE_ADDRESS_(value_name), LAPSE_UNSIGNED_(value), 0, name);
	}
}

/* ---- components by identifier ------------------------------------------------------------------ */

#define LAPSE_ENABLED(component)	     (LAPSE_SITE_(#component)->semaphore != 0)
#define LAPSE_BEGIN(component)		     lapse_begin_(LAPSE_SITE_(#component))
#define LAPSE_LATENCY(component, ns, ok) \
	lapse_latency_(LAPSE_SITE_(#component), (ns), (ok) ? 1 : 0, LAPSE_NO_NAME_)
#define LAPSE_ERROR(component)		     lapse_latency_(LAPSE_SITE_(#component), 0, 0, LAPSE_NO_NAME_)
#define LAPSE_CACHE(component, hit)	     lapse_cache_(LAPSE_SITE_(#component), (hit) ? 1 : 0, LAPSE_NO_NAME_)
#define LAPSE_VALUE(component, name, value) lapse_value_(LAPSE_SITE_(#component), (name), (value), LAPSE_NO_NAME_)

#define LAPSE_END(component, span, ok)                                                          \
	do {                                                                                    \
		lapse_span_t lapse_span_ = (span);                                              \
		int lapse_ok_ = (ok) ? 1 : 0;                                                   \
		if (LAPSE_UNLIKELY_(lapse_span_ != 0))                                          \
			lapse_finish_(LAPSE_SITE_(#component), lapse_span_, lapse_ok_, LAPSE_NO_NAME_);      \
	} while (0)

/* ---- components by name, for names known at run time only --------------------------------------
 *
 * All share one probe: each report costs a look-up of the name, and the threshold is one for all.
 */
LAPSE_INLINE_ int lapse_named_enabled(void)
{
	return LAPSE_NAMED_->semaphore != 0;
}

LAPSE_INLINE_ lapse_span_t lapse_named_begin(void)
{
	return lapse_begin_(LAPSE_NAMED_);
}

LAPSE_INLINE_ void lapse_named_end(const char *component, lapse_span_t span, int ok)
{
	if (LAPSE_UNLIKELY_(span != 0))
		lapse_finish_(LAPSE_NAMED_, span, ok, component);
}

LAPSE_INLINE_ void lapse_named_latency(const char *component, uint64_t ns, int ok)
{
	lapse_latency_(LAPSE_NAMED_, ns, ok, component);
}

LAPSE_INLINE_ void lapse_named_error(const char *component)
{
	lapse_latency_(LAPSE_NAMED_, 0, 0, component);
}

LAPSE_INLINE_ void lapse_named_cache(const char *component, int hit)
{
	lapse_cache_(LAPSE_NAMED_, hit, component);
}

LAPSE_INLINE_ void lapse_named_value(const char *component, const char *name, int64_t value)
{
	lapse_value_(LAPSE_NAMED_, name, value, component);
}

/* ---- C++: a span that ends with its scope ------------------------------------------------------ */

#ifdef __cplusplus
#include <exception>

namespace lapse
{
class scope
{
      public:
	explicit scope(const lapse_site *site)
		: site_(site), start_(lapse_begin_(site)), thrown_(start_ ? exceptions() : 0), ok_(true)
	{
	}

	~scope()
	{
		if (LAPSE_UNLIKELY_(start_ != 0))
			lapse_finish_(site_, start_, ok_ && exceptions() <= thrown_, LAPSE_NO_NAME_);
	}

	void fail()
	{
		ok_ = false;
	}

	scope(const scope &) = delete;
	scope &operator=(const scope &) = delete;

      private:
	/* How many are on their way: one more at the end than at the beginning is our own. */
	static int exceptions()
	{
#if __cplusplus >= 201703L
		return std::uncaught_exceptions();
#else
		return std::uncaught_exception() ? 1 : 0;
#endif
	}

	const lapse_site *site_;
	lapse_span_t start_;
	int thrown_;
	bool ok_;
};
} // namespace lapse

#define LAPSE_SCOPE(component, var) lapse::scope var(LAPSE_SITE_(#component))
#endif

#else /* ---- nothing, with the same types --------------------------------------------------------- */

static inline int lapse_named_enabled(void)
{
	return 0;
}

static inline lapse_span_t lapse_named_begin(void)
{
	return 0;
}

static inline void lapse_named_end(const char *component, lapse_span_t span, int ok)
{
	(void)component, (void)span, (void)ok;
}

static inline void lapse_named_latency(const char *component, uint64_t ns, int ok)
{
	(void)component, (void)ns, (void)ok;
}

static inline void lapse_named_error(const char *component)
{
	(void)component;
}

static inline void lapse_named_cache(const char *component, int hit)
{
	(void)component, (void)hit;
}

static inline void lapse_named_value(const char *component, const char *name, int64_t value)
{
	(void)component, (void)name, (void)value;
}

#define LAPSE_ENABLED(component)	     (lapse_named_enabled() != 0)
#define LAPSE_BEGIN(component)		     lapse_named_begin()
#define LAPSE_END(component, span, ok)	     lapse_named_end(#component, (span), (ok) ? 1 : 0)
#define LAPSE_LATENCY(component, ns, ok)     lapse_named_latency(#component, (ns), (ok) ? 1 : 0)
#define LAPSE_ERROR(component)		     lapse_named_error(#component)
#define LAPSE_CACHE(component, hit)	     lapse_named_cache(#component, (hit) ? 1 : 0)
#define LAPSE_VALUE(component, name, value) lapse_named_value(#component, (name), (value))

#ifdef __cplusplus
namespace lapse
{
class scope
{
      public:
	scope()
	{
	}
	~scope()
	{
	}
	void fail()
	{
	}
	scope(const scope &) = delete;
	scope &operator=(const scope &) = delete;
};
} // namespace lapse

#define LAPSE_SCOPE(component, var) lapse::scope var
#endif

#endif

#endif
