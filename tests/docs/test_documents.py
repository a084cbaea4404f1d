"""The documents agree with the repository: links lead somewhere, no decision is left out."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DECISIONS_DIR = ROOT / "docs" / "decisions"
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"```.*?```", re.DOTALL)
_STATUS = re.compile(r"\* \*\*Status:\*\* (?P<status>(?:accepted|replaced by \[\d{4}\]).*)")
_DATE = re.compile(r"\* \*\*Date:\*\* (?P<date>\d{4}-\d\d-\d\d)")
_CITED = re.compile(r"decision\s+(?P<number>\d{4})")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)")
_PATH = re.compile(
    r"`(?P<path>(?:system|tests|validation|loadtests|compose|scenarios|docs|requirements)/[\w./-]+)`"
)


def kept_files(*patterns: str) -> list[Path]:
    """Return files of the working tree that are, or are about to be, under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return [path for name in listed.stdout.split() if (path := ROOT / name).is_file()]


def is_left_out(path: str) -> bool:
    """Return whether version control leaves a path out: it is made on each machine."""
    asked = ["git", "check-ignore", "--quiet", path]
    return subprocess.run(asked, cwd=ROOT, timeout=30, check=False).returncode == 0


DOCUMENTS = kept_files("*.md")
RECORDS = sorted(path for path in DECISIONS_DIR.glob("*.md") if path.name != "README.md")
INDEX_LINES = (DECISIONS_DIR / "README.md").read_text("utf-8").splitlines()
MERGED = {line[2:6] for line in INDEX_LINES if "| merged into [" in line}
"""Numbers of records that are now part of another one."""


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def headings(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as they are made from their words."""
    text = _CODE.sub("", path.read_text("utf-8"))
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_every_link_to_a_file_or_heading_leads_somewhere(document):
    for link in _LINK.finditer(_CODE.sub("", document.read_text("utf-8"))):
        target, _, anchor = link["target"].partition("#")
        if "://" in target:
            continue
        path = document.parent / target if target else document
        assert path.exists(), f"{link['target']}: nothing there"
        if anchor:
            assert anchor in headings(path), f"{link['target']}: no such heading"


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_every_path_that_is_named_exists_or_is_made_when_it_runs(document):
    for named in _PATH.finditer(_CODE.sub("", document.read_text("utf-8"))):
        path = named["path"].rstrip(".")
        assert (ROOT / path).exists() or is_left_out(path), f"{path}: nothing there"


def test_every_decision_has_a_number_of_its_own():
    numbers = [path.name[:4] for path in RECORDS]
    assert len(set(numbers)) == len(numbers)
    assert all(re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name) for path in RECORDS)


@pytest.mark.parametrize("record", RECORDS, ids=names(RECORDS))
def test_every_decision_states_its_title_status_and_date_and_the_index_has_them(record):
    title, blank, *head = record.read_text("utf-8").splitlines()[:4]
    number, _, words = title.removeprefix("# ").partition(" ")
    status, date = _STATUS.fullmatch(head[0]), _DATE.fullmatch(head[1])
    assert number == record.name[:4]
    assert blank == ""
    assert status, f"{head[0]!r} is not like '* **Status:** accepted'"
    assert date, f"{head[1]!r} is not like '* **Date:** 2026-11-26'"
    assert not re.match(r"(What|Where|Whether|How|When|Why)\b", words), f"a question: {words}"
    in_short = status["status"].partition(";")[0]
    line = f"| [{number}]({record.name}) | {words} | {in_short} | {date['date']} |"
    assert line in INDEX_LINES, f"missing: {line}"


def test_the_index_of_decisions_is_complete_and_sorted_by_number_within_each_topic():
    topics = "\n".join(INDEX_LINES).split("\n## ")[1:]
    rows = [re.findall(r"^\| \[?(\d{4})", topic, re.MULTILINE) for topic in topics]
    assert rows == [sorted(numbers) for numbers in rows]
    listed = [number for numbers in rows for number in numbers]
    assert len(set(listed)) == len(listed)
    assert set(listed) - MERGED == {path.name[:4] for path in RECORDS}


def test_every_decision_that_code_or_a_document_cites_is_there():
    known = {path.name[:4] for path in RECORDS}
    for path in [*kept_files("*.py"), *DOCUMENTS]:
        for cited in _CITED.finditer(path.read_text("utf-8")):
            place = path.relative_to(ROOT)
            assert cited["number"] in known, f"{place} cites decision {cited['number']}"


def test_every_document_is_in_the_index_of_documents():
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    for document in (ROOT / "docs").glob("*.md"):
        assert document.name == "README.md" or f"]({document.name})" in index, document.name


def cited_tests() -> list[tuple[str, str]]:
    """Return (file, function) of each test that a document cites by name."""
    cited = (_TEST.findall(path.read_text("utf-8")) for path in DOCUMENTS)
    return sorted({each for places in cited for each in places})


@pytest.mark.parametrize(("path", "name"), cited_tests())
def test_every_test_that_is_cited_is_there(path, name):
    assert f"def {name}(" in (ROOT / path).read_text("utf-8")


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_every_document_is_in_the_sidebar_of_the_site(page: Path) -> None:
    """As Sphinx demands, without building the site."""
    contents = (ROOT / "docs" / "site" / "conf.py").read_text("utf-8")
    assert f'"docs/{page.stem}"' in contents, f"{page.name} is in no heading of docs/site/conf.py"
