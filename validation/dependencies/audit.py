"""``python -m validation.dependencies.audit``: known vulnerabilities of all dependencies.

Verdict of each group: *passed* when the advisory database names none, *failed* when it names
one that nobody has accepted with a reason, *unknown* when the database does not answer. It is
unknown, too, for archives inside another project's wheel: the wheel chooses them, and nobody
here has judged whether what is vulnerable is ever called.

The exit code is 1 for *failed* only: a machine without access to the database is no fault of
the product. Verify reports *unknown* as unknown, and never as passed.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from system.clock import SystemClock
from system.errors import InputError
from system.exits import ExitCode
from system.outputs import OUTPUT_FILE
from validation.dependencies.advisories import (
    SERVICE,
    AdvisoriesUnavailableError,
    Advisory,
    AdvisoryDatabase,
    can_be_asked,
)
from validation.dependencies.inventory import LOCKS_DIR, Dependency, Kind, inventory
from validation.report.shapes import write_json
from validation.run.console import finding_table, open_console
from validation.verdict import Figure, Finding, Verdict, overall, unknown

ACCEPTED_PATH: Final = LOCKS_DIR / "accepted-advisories.toml"
NAMED_MAX: Final = 12
Vulnerable = Mapping[Dependency, tuple[Advisory, ...]]
Group = tuple[str, Callable[[Dependency], bool]]


class AcceptedError(InputError):
    """The file of accepted advisories is malformed; names the entry and the field."""


class Accepted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An advisory that does not stop us, until a date.

    ``package`` and ``advisory`` name it, ``reason`` says why it does not matter here.
    """

    package: str
    advisory: str
    reason: Annotated[str, msgspec.Meta(min_length=10)]
    until: dt.date


class _AcceptedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    accepted: tuple[Accepted, ...] = ()


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of the findings' file."""

    verdict: Verdict
    service: str
    findings: tuple[Finding, ...]


GROUPS: Final[tuple[Group, ...]] = (
    ("Python packages", lambda d: d.kind is Kind.PYTHON),
    ("Java archives", lambda d: d.kind is Kind.JAVA and not d.carried_by),
    ("Java archives inside pyspark", lambda d: d.kind is Kind.JAVA and bool(d.carried_by)),
    ("embedded servers", lambda d: d.kind is Kind.SERVER),
)


def read_accepted(path: Path = ACCEPTED_PATH) -> tuple[Accepted, ...]:
    """Return the accepted advisories.

    Raises
    ------
    AcceptedError
        If the file is missing or malformed.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        return msgspec.convert(table, _AcceptedFile).accepted
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise AcceptedError(f"{path.name}: {error}") from error


def audited(
    dependencies: Sequence[Dependency],
    database: AdvisoryDatabase,
    accepted: Sequence[Accepted],
    today: dt.date,
) -> tuple[Finding, ...]:
    """Return a finding for each group of dependencies.

    Parameters
    ----------
    dependencies : sequence of Dependency
        The inventory.
    database : AdvisoryDatabase
        Asked once for all.
    accepted : sequence of Accepted
        Advisories that do not count, each until its date.
    today : date
        Judges those dates.
    """
    named = [dependency for dependency in dependencies if can_be_asked(dependency)]
    nameless = [dependency for dependency in dependencies if not can_be_asked(dependency)]
    try:
        vulnerable = database.advisories(named)
    except AdvisoriesUnavailableError as error:
        return tuple(unknown(_check(name), str(error)) for name, _ in GROUPS)
    current = [entry for entry in accepted if today <= entry.until]
    findings = [
        _judged(name, [d for d in named if belongs(d)], vulnerable, current)
        for name, belongs in GROUPS
    ]
    return (*findings, *_nameless(nameless))


def _check(group: str) -> str:
    return f"no known vulnerability: {group}"


def _judged(
    name: str, members: Sequence[Dependency], vulnerable: Vulnerable, accepted: Sequence[Accepted]
) -> Finding:
    matches = [(d, advisory) for d in members for advisory in vulnerable.get(d, ())]
    counted = [match for match in matches if not any(_covers(entry, *match) for entry in accepted)]
    figures: dict[str, Figure] = {
        "asked": len(members),
        "open": len(counted),
        "accepted": len(matches) - len(counted),
    }
    if counted:
        verdict = Verdict.UNKNOWN if _is_foreign(counted) else Verdict.FAILED
        detail = _sentence(counted)
    else:
        verdict = Verdict.PASSED
        detail = f"the database names none of {len(members)}, or what was accepted with a reason"
    return Finding(check=_check(name), verdict=verdict, detail=detail, figures=figures)


def _covers(entry: Accepted, dependency: Dependency, advisory: Advisory) -> bool:
    return entry.package == dependency.name and entry.advisory in advisory.names


def _is_foreign(matches: Sequence[tuple[Dependency, Advisory]]) -> bool:
    """Return whether all are in archives that another project chose."""
    return all(d.kind is Kind.JAVA and d.carried_by for d, _ in matches)


def _sentence(matches: Sequence[tuple[Dependency, Advisory]]) -> str:
    named = "; ".join(f"{d}: {advisory}" for d, advisory in matches[:NAMED_MAX])
    more = f"; and {len(matches) - NAMED_MAX} more" if len(matches) > NAMED_MAX else ""
    if _is_foreign(matches):
        advice = "they come with the wheel; nobody has judged whether the product calls them"
    else:
        advice = f"move to a version without it (`make lock`), or accept it in {ACCEPTED_PATH.name}"
    return f"{named}{more}: {advice}"


def _nameless(dependencies: Sequence[Dependency]) -> Iterator[Finding]:
    if dependencies:
        named = ", ".join(map(str, dependencies[:NAMED_MAX]))
        more = len(dependencies) - NAMED_MAX
        yield unknown(
            "every dependency can be looked up",
            f"{len(dependencies)} archives state no Maven coordinates, so that the database has no "
            f"name for them: {named}" + (f" and {more} more" if more > 0 else ""),
        )


def main(
    service: Annotated[str, typer.Option(help="Address of the advisory database.")] = SERVICE,
    report: Annotated[
        Path | None, typer.Option(callback=OUTPUT_FILE, help="Where to write the findings.")
    ] = None,
) -> None:
    """Ask the advisory database for known vulnerabilities of all dependencies."""
    console = open_console()
    try:
        accepted = read_accepted()
        dependencies = inventory()
    except InputError as error:
        console.print(f"error: {error}", markup=False)
        raise typer.Exit(ExitCode.WRONG_INPUT) from None
    database = AdvisoryDatabase(service)
    try:
        findings = audited(dependencies, database, accepted, today())
    finally:
        database.close()
    verdict = overall(finding.verdict for finding in findings)
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        write_json(report, AuditReport(verdict=verdict, service=service, findings=findings))
    console.print(finding_table(findings))
    console.print(f"audit of {len(dependencies)} dependencies: {verdict}", highlight=False)
    raise typer.Exit(ExitCode.of_check(passed=verdict is not Verdict.FAILED))


def today() -> dt.date:
    """Return the date by the wall clock, UTC."""
    return dt.datetime.fromtimestamp(SystemClock().wall_ns() / 1e9, dt.UTC).date()


if __name__ == "__main__":
    typer.run(main)
