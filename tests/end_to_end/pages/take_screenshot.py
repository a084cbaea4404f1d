"""Write a picture of a running dashboard, once it is live and has a curve to show.

``python -m tests.end_to_end.pages.take_screenshot http://127.0.0.1:8501 docs/images/dashboard.png``

With ``--frames`` it writes an animated WebP of the dashboard at work.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from system.runtime.preflight import find_browser
from tests.end_to_end.pages.browser import Page, browser

IS_LIVE = "window.riskstreamFeed?.state.live === true"
POINTS = "window.riskstreamFeed.state.curve.points.length"
FRAME_SHOWN_MS = 900
LAST_FRAME_SHOWN_MS = 2_500


def main() -> int:
    """Take the picture; return 0, or 1 where there is no browser."""
    options = _parser().parse_args()
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
        url = f"{options.url}/?portfolio={options.portfolio}"
        page.open(url)
        if not options.any_state:
            page.wait(IS_LIVE, options.wait)
            page.open(url)  # forms are drawn when a page opens, from the numbers that there are
            page.wait(f"{IS_LIVE} && {POINTS} >= {options.points}", options.wait)
        time.sleep(options.settle)
        if options.frames == 1:
            page.screenshot(options.path)
        else:
            shots = _shots(page, Path(profile), options.frames, options.every)
            _write_animation(shots, options.path, options.scale)
        sys.stdout.write("".join(f"{problem}\n" for problem in page.problems))
    return 0


def _parser() -> argparse.ArgumentParser:
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
    parser.add_argument("--frames", type=int, default=1, help="more than one: an animated WebP")
    parser.add_argument("--every", type=float, default=3.0, help="seconds between two frames")
    parser.add_argument("--scale", type=float, default=0.55, help="size of an animation's frames")
    return parser


def _shots(page: Page, folder: Path, count: int, every_s: float) -> list[Path]:
    """Return screenshots taken at a steady pace."""
    paths = [folder / f"frame-{index:03d}.png" for index in range(count)]
    begun = time.monotonic()
    for index, path in enumerate(paths):
        time.sleep(max(0.0, begun + index * every_s - time.monotonic()))
        page.screenshot(path)
    return paths


def _write_animation(shots: list[Path], path: Path, scale: float) -> None:
    """Write screenshots as one animated WebP, made smaller; the last one is shown longer."""
    frames = []
    for shot in shots:
        with Image.open(shot) as image:
            size = (round(image.width * scale), round(image.height * scale))
            frames.append(image.convert("RGB").resize(size, Image.Resampling.LANCZOS))
    shown_ms = [FRAME_SHOWN_MS] * (len(frames) - 1) + [LAST_FRAME_SHOWN_MS]
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=shown_ms, loop=0, quality=60
    )


if __name__ == "__main__":
    sys.exit(main())
