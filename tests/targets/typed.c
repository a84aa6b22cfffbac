// SPDX-License-Identifier: GPL-2.0-or-later
/* A library whose functions have results and arguments of many types; nobody calls them. */
#include <stdbool.h>
#include <stdint.h>

#define KEPT __attribute__((noinline, used))

typedef const volatile unsigned short half;

enum colour { RED, GREEN };
enum sign { MINUS = -1, PLUS = 1 };

struct small {
	int a, b;
};

struct large {
	long a[5];
};

KEPT int typed_mixed(int a, unsigned long b, char c, bool d, enum colour e, const void *f, half g, int8_t h)
{
	return a + (int)b + c + d + (int)e + (int)(intptr_t)f + g + h;
}

KEPT void typed_void(void)
{
	__asm__ volatile("");
}

KEPT double typed_floats(double x, int a, float y, long b)
{
	return x + a + y + (double)b;
}

KEPT struct small typed_small(unsigned char n, struct small s, int behind)
{
	s.a += behind + n;
	return s;
}

KEPT struct large typed_large(struct large s, int a, long b)
{
	s.a[0] += a + b;
	return s;
}

KEPT enum sign typed_enum(enum sign sign)
{
	return sign;
}

KEPT uint8_t typed_variadic(const char *format, ...)
{
	return (uint8_t)format[0];
}

KEPT int typed_many(int a, int b, int c, int d, int e, int f, long g, char h)
{
	return a + b + c + d + e + f + (int)g + h;
}
