"""Write a picture of a running dashboard, once it is live and has a curve to show.

``python -m tests.end_to_end.take_screenshot http://127.0.0.1:8501 docs/images/dashboard.png``
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from system.runtime.preflight import find_browser
from tests.end_to_end.browser import browser

IS_LIVE = "window.riskstreamFeed?.state.live === true"
POINTS = "window.riskstreamFeed.state.curve.points.length"


def main() -> int:
    """Take the picture; return 0, or 1 where there is no browser."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("path", type=Path)
    parser.add_argument("--width", type=int, default=1680)
    parser.add_argument("--height", type=int, default=1060)
    parser.add_argument("--portfolio", default="")
    parser.add_argument("--points", type=int, default=100, help="wait for so long a curve")
    parser.add_argument("--wait", type=float, default=120.0, help="seconds until giving up")
    parser.add_argument("--settle", type=float, default=1.0, help="seconds of drawing before it")
    parser.add_argument("--scheme", choices=("dark", "light"), default="dark")
    parser.add_argument("--any-state", action="store_true", help="do not wait for live numbers")
    options = parser.parse_args()
    executable = find_browser()
    if executable is None:
        sys.stderr.write("no Chromium or Chrome found\n")
        return 1
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        browser(executable, Path(profile)) as page,
    ):
        page.resize(options.width, options.height)
        page.prefer(options.scheme)
        page.open(f"{options.url}/?portfolio={options.portfolio}")
        if not options.any_state:
            page.wait(f"{IS_LIVE} && {POINTS} >= {options.points}", options.wait)
        time.sleep(options.settle)
        page.screenshot(options.path)
        sys.stdout.write("".join(f"{problem}\n" for problem in page.problems))
    return 0


if __name__ == "__main__":
    sys.exit(main())
