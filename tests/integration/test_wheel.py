"""The wheel: complete, and at work in an environment that has nothing but it and the run lock."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

import httpx
import pytest

from system.clock import SystemClock
from system.places import PROJECT_DIR
from system.runtime.preflight import find_browser
from system.runtime.running import RunningStack
from system.settings import ENVIRONMENT_PREFIX, Settings, load_settings
from tests.end_to_end.pages.browser import browser
from validation.run.wait import Patience

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

PACKAGES = ("system", "validation", "loadtests")
SHARED = ("scenarios", "requirements", "docs/examples")
NEEDED = (*PACKAGES, *SHARED, "pyproject.toml", "README.md", "LICENSE")
NOT_SHIPPED = (
    "validation/mutants",  # planted in a checkout
    "scenarios/conftest.py",  # for pytest in a checkout
    "requirements/bootstrap.in",
    "requirements/data.in",
)
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
IS_LIVE = "window.riskstreamFeed && window.riskstreamFeed.state.live === true"
DRAWN = """[...document.querySelectorAll("*")].some(
  (element) => element.shadowRoot?.textContent.includes("AAA"))"""
SERVERS_OF_THE_SHELL = (
    "KAFKA_BOOTSTRAP_SERVERS", "SPARK_MASTER", "DATABASE_URL", "REDIS_URL", "SPARK_CONF_DIR",
    "PYTHONPATH",
)  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the sources, with the locked build backend."""
    sources, built = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("built")
    for name in NEEDED:
        source, target = PROJECT_DIR / name, sources / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    command = [sys.executable, "-W", "ignore", "-c", BUILD, str(built)]
    done = subprocess.run(command, cwd=sources, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = built.glob("riskstream-*.whl")
    return path


def shipped_files() -> set[str]:
    """Return every file of the sources that a wheel must have."""
    return {
        path.relative_to(PROJECT_DIR).as_posix()
        for name in (*PACKAGES, *SHARED)
        for path in (PROJECT_DIR / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def is_shipped(name: str) -> bool:
    return not any(name == left or name.startswith(f"{left}/") for left in NOT_SHIPPED)


def test_the_wheel_has_every_file_of_the_packages_scenarios_locks_and_examples(
    wheel: Path,
) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    names_in_wheel = {
        re.sub(r"^riskstream-[^/]*\.data/data/share/riskstream/", "", name) for name in names
    }
    wanted = {name for name in shipped_files() if is_shipped(name)}
    assert wanted - names_in_wheel == set()
    metadata = {name for name in names_in_wheel if ".dist-info/" in name}
    assert names_in_wheel - wanted - metadata == set()
    assert {f"{name}/py.typed" for name in PACKAGES} < names_in_wheel
    assert {
        "system/show/static/panel.css",
        "scenarios/schema.json",
        "requirements/run.lock",
    } < names_in_wheel


class Installed:
    """An environment with the wheel and what the run lock names, used from an empty folder.

    The locked distributions are links to those of this environment: nothing is fetched, and
    what only tests and references need is not there.
    """

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.home = folder / "work"
        self._cache = folder / "cache"
        for made in (self.home, self._cache):
            made.mkdir()
        for name in ("jars", "wheels"):  # not the classes: they belong to another Python
            (self._cache / name).symlink_to(load_settings().cache_dir / name)
        self._environment = folder / "environment"
        venv.create(self._environment, symlinks=True)
        (self.packages,) = self._environment.glob("lib/python*/site-packages")
        for name in locked_names():
            self._link(name)
        pip = (sys.executable, "-m", "pip", "--python", str(self._bin / "python"))
        options = ("--no-deps", "--no-index", "--quiet", "--disable-pip-version-check")
        subprocess.run([*pip, "install", *options, str(wheel)], check=True, capture_output=True)

    @property
    def _bin(self) -> Path:
        return self._environment / "bin"

    @property
    def settings(self) -> Settings:
        """Settings as the installed product has them."""
        update = {"state_dir": self.home / ".riskstream"}
        return load_settings().model_copy(update=update)

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith((ENVIRONMENT_PREFIX, *SERVERS_OF_THE_SHELL))
        }
        return {**kept, f"{ENVIRONMENT_PREFIX}CACHE_DIR": str(self._cache)}

    def run(self, program: str, *words: str, bound_s: float = 60) -> str:
        """Return what a program of the environment prints."""
        done = subprocess.run(
            [str(self._bin / program), *words],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=bound_s,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def _link(self, name: str) -> None:
        """Link the files of a distribution, a folder of them as a whole."""
        try:
            files = distribution(name).files or []
        except PackageNotFoundError:
            return  # of another platform or Python
        own = Path(sysconfig.get_path("purelib"))
        for top in {file.parts[0] if file.parts[0] != ".." else str(file) for file in files}:
            target = self.packages / top
            if top != "__pycache__" and not target.exists() and (own / top).exists():
                target.parent.resolve().mkdir(parents=True, exist_ok=True)
                target.symlink_to((own / top).resolve())


def locked_names() -> list[str]:
    lock = (PROJECT_DIR / "requirements" / "run.lock").read_text("utf-8")
    return re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", lock, re.MULTILINE)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed"), wheel)


@pytest.fixture(scope="module")
def started(installed: Installed) -> Iterator[Installed]:
    try:
        installed.run("riskstream", "up", "--detach", bound_s=240)
        yield installed
    finally:
        installed.run("riskstream", "down", bound_s=120)


def test_the_installed_command_knows_its_version_and_its_scenarios(installed: Installed) -> None:
    assert installed.run("riskstream", "--version") == f"riskstream {version('riskstream')}\n"
    assert "crash-2020" in installed.run("riskstream", "scenarios", "list")
    installed.run("riskstream", "scenarios", "new", "mine")
    checked = installed.run("riskstream", "scenarios", "check", "mine.toml", "crash-2020")
    assert checked.count("ok     ") == 2


def test_what_needs_the_sources_says_so(installed: Installed) -> None:
    with pytest.raises(AssertionError, match="verify needs the sources and tests"):
        installed.run("riskstream", "verify")


def written_book(folder: Path) -> tuple[Path, Path]:
    """Write a book and closes as a spreadsheet with decimal commas does."""
    book, prices = folder / "book.csv", folder / "prices.csv"
    book.write_text(
        "instrument;quantity;entry_price;asset_class;currency\nAAA;100;99,5;equity;USD\n", "utf-8"
    )
    rows = [
        f"{day:%Y-%m-%d};{100 + number % 7 / 4:.2f};1,1" for number, day in enumerate(weekdays())
    ]
    text = "\n".join(["date;AAA;fx:USD", *(row.replace(".", ",") for row in rows)])
    prices.write_text(text, "utf-8-sig")
    return book, prices


def weekdays() -> list[dt.date]:
    days = (dt.date(2020, 1, 1) + dt.timedelta(number) for number in range(100))
    return [day for day in days if day.weekday() < 5]


def test_a_backtest_with_its_report_runs_from_the_wheel(installed: Installed) -> None:
    _, prices = written_book(installed.home)
    (installed.home / "positions.csv").write_text("portfolio;instrument;quantity\nbook;AAA;100\n")
    installed.run("riskstream", "backtest", "--prices", str(prices), "--positions",
                  "positions.csv", "--out", "out", "--simulations", "100")  # fmt: skip
    assert "<h3>Implementation</h3>" in (installed.home / "out" / "report.html").read_text("utf-8")
    summary = json.loads((installed.home / "out" / "summary.json").read_text("utf-8"))
    assert summary["portfolios"]["book"]["hs"]["days"] > 30


def health_once_ok(api_url: str, token: str) -> dict[str, object]:
    """Return the health, once it is ok; the last one where it is not so in time.

    A stream that was not warmed up may take seconds for its first batch, and *lags* until then.
    """
    clock = SystemClock()
    patience = Patience(clock, stall_s=20)
    while True:
        answer = httpx.get(f"{api_url}/v1/health", headers={"Authorization": f"Bearer {token}"})
        health: dict[str, object] = answer.json()
        if health["ok"] or patience.is_over():
            return health
        clock.sleep(0.2)


def test_the_stack_an_import_and_the_dashboard_run_from_the_wheel(started: Installed) -> None:
    book, prices = written_book(started.home)
    said = started.run("riskstream", "portfolio", "import", str(book), "--prices", str(prices))
    assert "book: 1 positions, 1 instruments and 2 price histories" in " ".join(said.split())
    assert re.search(r"book: VaR -?[\d,.]+ USD", said), said
    connections = started.settings.connections()
    health = health_once_ok(connections.api_url, connections.api_token)
    assert (health["ok"], health["version"]) == (True, version("riskstream"))
    page = httpx.get(connections.dashboard_url)
    assert page.status_code == 200
    with httpx.stream("GET", f"{connections.dashboard_url}/live/stream?portfolio=book") as pushes:
        pushed = next(line for line in pushes.iter_lines() if '"book"' in line)
    assert "AAA" in pushed
    running = RunningStack(started.settings).status()
    assert {component.state for component in running} == {"healthy"}


@pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome is installed")
def test_a_browser_draws_the_imported_book(started: Installed, tmp_path: Path) -> None:
    executable = find_browser()
    assert executable is not None
    with browser(executable, tmp_path) as page:
        page.open(f"{started.settings.connections().dashboard_url}/?portfolio=book")
        page.wait(IS_LIVE, seconds=60)
        page.wait(DRAWN, seconds=30)
        assert page.problems == []


def test_a_run_leaves_the_installed_files_as_they_were(started: Installed) -> None:
    made = {
        path.name
        for path in started.packages.iterdir()
        if path.name not in {"__pycache__", "share"} and not path.is_symlink()
    }
    assert made == {*PACKAGES, f"riskstream-{version('riskstream')}.dist-info"}
