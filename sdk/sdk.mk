# SPDX-License-Identifier: MIT
# What programs embed: lapse.h needs no build; its bindings are made in $(BUILD)/sdk/, where they work as
# they lie there. That of Node only where Node, its headers and node-gyp are (nothing is fetched).

sdk_dir := $(BUILD)/sdk
SDK_CFLAGS := -O2 -g -std=gnu99 -Wall -Wextra -Werror

.PHONY: sdk sdk-node install-sdk
sdk: $(addprefix $(sdk_dir)/python/,liblapse_marker.so lapse.py example.py)

$(sdk_dir)/python/liblapse_marker.so: sdk/python/marker.c sdk/lapse.h
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(SDK_CFLAGS) -fPIC -fvisibility=hidden -shared -Wl,-soname,$(@F) -o $@ $<

$(sdk_dir)/python/%.py: sdk/python/%.py
	@mkdir -p $(@D)
	$(Q)install -m 0644 $< $@

sdk-node:
	$(Q)CC=$(CC) sdk/node/build-addon $(sdk_dir)

# The examples are targets of the tests too.
targets: sdk sdk-node

install: install-sdk
install-sdk: sdk
	install -D -m 0644 sdk/lapse.h $(DESTDIR)$(PREFIX)/include/lapse.h
	install -D -m 0755 $(sdk_dir)/python/liblapse_marker.so $(DESTDIR)$(PREFIX)/lib/liblapse_marker.so
	install -D -m 0644 sdk/python/lapse.py $(DESTDIR)$(PREFIX)/share/lapse/python/lapse.py
