/* SPDX-License-Identifier: MIT */
/*
 * liblapse_marker.so: lapse.h's calls with names known at run time, for languages that load a shared
 * library (lapse.py does). The probes of all their components stand in here, once a process.
 */
#include "../lapse.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int lapse_marker_enabled(void)
{
	return lapse_named_enabled();
}

EXPORT uint64_t lapse_marker_begin(void)
{
	return lapse_named_begin();
}

EXPORT void lapse_marker_end(const char *component, uint64_t span, int ok)
{
	lapse_named_end(component, span, ok);
}

EXPORT void lapse_marker_latency(const char *component, uint64_t ns, int ok)
{
	lapse_named_latency(component, ns, ok);
}

EXPORT void lapse_marker_error(const char *component)
{
	lapse_named_error(component);
}

EXPORT void lapse_marker_cache(const char *component, int hit)
{
	lapse_named_cache(component, hit);
}

EXPORT void lapse_marker_value(const char *component, const char *name, int64_t value)
{
	lapse_named_value(component, name, value);
}
