# SPDX-License-Identifier: MIT
"""Markers by which a Python program tells lapse what it does.

    import lapse

    with lapse.span("rpcConnection"):             # an exception that leaves it is an error
        answer = connection.call(request)

    with lapse.span("checkout") as span:
        if not pay():
            span.fail()

    @lapse.span("endToEnd")                       # each call; of a coroutine function: until it is done
    def handle(order): ...

    lapse.latency("feed", ns)                     # nanoseconds that you have measured
    lapse.cache("tokenValidator", token in known)
    lapse.error("tokenValidator")                 # a failed span of no length
    lapse.value("batcher", "batch_size", len(batch))

Watch it in a program that runs: lapse stat -p PID marker:rpcConnection

Names are cut at 63 bytes, those of values at 23; a component keeps its first four values. All calls may
be made from any thread. While nobody listens each costs a look at one word.

No call raises for what it is given, so that no program fails because somebody listens: a name that is no
text is told as str() has it, and a figure that is no number of 64 bits (None, NaN) is not told.

Needs liblapse_marker.so: at $LAPSE_MARKER_LIBRARY, beside this file, in PREFIX/lib as `make install` has
it, or where the dynamic linker looks. Without it the calls do nothing, and available() says so.
"""

import ctypes
import functools
import inspect
import os

_NAME = "liblapse_marker.so"


def _places():
    here = os.path.dirname(os.path.abspath(__file__))
    told = os.environ.get("LAPSE_MARKER_LIBRARY")
    if told:
        return [told]
    return [os.path.join(here, _NAME), os.path.join(here, "..", "..", "..", "lib", _NAME), _NAME]


def _load():
    for place in _places():
        try:
            # The calls are shorter than giving up the interpreter's lock and taking it again.
            library = ctypes.PyDLL(place)
            _declare(library)
            return library
        except (OSError, AttributeError):
            continue
    return None


def _declare(library):
    text, flag = ctypes.c_char_p, ctypes.c_int
    for name, arguments, result in (
            ("enabled", [], flag),
            ("begin", [], ctypes.c_uint64),
            ("end", [text, ctypes.c_uint64, flag], None),
            ("latency", [text, ctypes.c_uint64, flag], None),
            ("error", [text], None),
            ("cache", [text, flag], None),
            ("value", [text, text, ctypes.c_int64], None)):
        function = getattr(library, "lapse_marker_" + name)
        function.argtypes, function.restype = arguments, result


_library = _load()

if _library:
    _enabled = _library.lapse_marker_enabled
else:
    def _enabled():
        return 0


def available():
    """Whether there is a library, so that the calls do something."""
    return _library is not None


def enabled():
    """Whether somebody listens now."""
    return _enabled() != 0


def _name(name):
    """Its bytes, also of a file's name that is not UTF-8."""
    return str(name).encode(errors="backslashreplace")


def _integer(number):
    """None: it is no number that a figure can have."""
    try:
        number = int(number)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if -1 << 63 <= number < 1 << 63 else None


def latency(component, ns, ok=True):
    """A duration in nanoseconds that ends now."""
    if _enabled():
        ns = _integer(ns)
        if ns is not None:
            _library.lapse_marker_latency(_name(component), max(0, ns), bool(ok))


def error(component):
    """Something failed that has no duration: a failed span of no length."""
    if _enabled():
        _library.lapse_marker_error(_name(component))


def cache(component, hit):
    """A look-up in a cache."""
    if _enabled():
        _library.lapse_marker_cache(_name(component), bool(hit))


def value(component, name, number):
    """A figure of the component: an integer of 64 bits."""
    if _enabled():
        number = _integer(number)
        if number is not None:
            _library.lapse_marker_value(_name(component), _name(name), number)


class span:
    """A span: a context manager, or a decorator of functions and coroutine functions.

    One object is one span; a decorator makes a new one for each call.
    """

    __slots__ = ("_component", "_start", "_ok")

    def __init__(self, component):
        self._component = component
        self._start = 0
        self._ok = True

    def fail(self):
        """It will have failed, however it ends."""
        self._ok = False

    def __enter__(self):
        self._ok = True
        self._start = _library.lapse_marker_begin() if _enabled() else 0
        return self

    def __exit__(self, kind, exception, trace):
        if self._start:
            _library.lapse_marker_end(_name(self._component), self._start, self._ok and kind is None)
        return False

    def __call__(self, function):
        component = self._component
        if inspect.iscoroutinefunction(function):
            @functools.wraps(function)
            async def marked(*args, **kwargs):
                with span(component):
                    return await function(*args, **kwargs)
        else:
            @functools.wraps(function)
            def marked(*args, **kwargs):
                with span(component):
                    return function(*args, **kwargs)
        return marked
