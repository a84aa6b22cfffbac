# SPDX-License-Identifier: GPL-2.0-or-later
"""A headless Chromium, driven by the W3C's WebDriver protocol."""

import base64
import json
import os
import urllib.request

from harness import Fail, free_port, need, wait_until


class Browser:
    """With a window of WIDTH x HEIGHT as a phone or a desktop has it."""

    def __init__(self, t, width, height, dark=False):
        driver, chromium = need("chromedriver", "chromium")
        port = free_port()
        self._base = f"http://127.0.0.1:{port}"
        t.process(driver, f"--port={port}", "--allowed-ips=127.0.0.1")
        wait_until(self._is_ready, "chromedriver")
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     f"--user-data-dir={t.path(f'profile-{port}')}"]
        if dark:
            arguments.append("--blink-settings=preferredColorScheme=0")
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {
                "binary": chromium,
                "args": arguments,
                "mobileEmulation": {"deviceMetrics": {"width": width, "height": height, "pixelRatio": 1}},
            },
        }}}, seconds=60)
        self._session = f"/session/{session['sessionId']}"
        t.defer(self.close)

    def _is_ready(self):
        try:
            return self._call("GET", "/status")["ready"]
        except OSError:
            return False

    def _call(self, method, path, body=None, seconds=30):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self._base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise Fail(f"{method} {path}: {error.read().decode(errors='replace')[:400]}") from None

    def open(self, path):
        self._call("POST", f"{self._session}/url", {"url": f"file://{os.path.abspath(path)}"}, seconds=60)

    def run(self, script, *args):
        """What the SCRIPT returns."""
        return self._call("POST", f"{self._session}/execute/sync", {"script": script, "args": list(args)})

    def press(self, *keys):
        """Keys by their code points in WebDriver, or letters."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("POST", f"{self._session}/actions", {"actions": [{"type": "key", "id": "k", "actions": actions}]})

    def complaints(self):
        """Lines of the console that are errors or warnings."""
        lines = self._call("POST", f"{self._session}/se/log", {"type": "browser"})
        return [line["message"] for line in lines if line["level"] in ("SEVERE", "WARNING")]

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._call("GET", f"{self._session}/screenshot")))

    def close(self):
        try:
            self._call("DELETE", self._session)
        except (OSError, Fail):
            pass


ARROW_LEFT, ARROW_UP, ARROW_RIGHT, ARROW_DOWN, ENTER, ESCAPE, TAB = (
    "\ue012", "\ue013", "\ue014", "\ue015", "\ue007", "\ue00c", "\ue004")
