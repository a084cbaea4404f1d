"""SBOM: valid by its schema, true to the inventory, the same for the same components."""

from __future__ import annotations

import datetime as dt
import json
from importlib import metadata

import pytest

from validation.dependencies.inventory import RUN_LOCK, Dependency, Kind
from validation.dependencies.sbom import findings, schema_problems, stated_licence, written
from validation.verdict import Verdict

SPARK = Dependency(
    Kind.PYTHON, "pyspark", metadata.version("pyspark"), RUN_LOCK, sha256=("a" * 64,)
)
PYTEST = Dependency(Kind.PYTHON, "pytest", "9", "verify.lock", sha256=("a" * 64, "b" * 64))
BROKER = Dependency(
    Kind.JAVA, "kafka", "4", "jars.lock", group="org.apache.kafka", sha256=("c" * 64,)
)
INNER = Dependency(Kind.JAVA, "xz", "1.12", "pyspark", sha256=("d" * 64,), carried_by="pyspark")
SERVER = Dependency(Kind.SERVER, "valkey", "9.1.2", "pyspark", carried_by="pyspark")
ALL = (SPARK, PYTEST, BROKER, INNER, SERVER)


class FixedClock:
    """Clock of one fixed moment."""

    def wall_ns(self) -> int:
        return int(dt.datetime(2026, 1, 2, tzinfo=dt.UTC).timestamp()) * 10**9

    def monotonic_ns(self) -> int:
        return 0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing waits here")


def bill(*dependencies: Dependency) -> dict:
    return json.loads(written(dependencies, clock=FixedClock()))


def components(document: dict) -> dict[str, dict]:
    return {component["name"]: component for component in document["components"]}


def test_it_is_valid_names_the_product_and_is_the_same_for_the_same_components():
    document = written(ALL, clock=FixedClock())
    assert list(schema_problems(document)) == []
    head = json.loads(document)
    assert head["specVersion"] == "1.6"
    assert head["metadata"]["component"]["version"] == metadata.version("riskstream")
    assert head["metadata"]["timestamp"] == "2026-01-02T00:00:00+00:00"
    assert document == written(ALL, clock=FixedClock())
    assert head["serialNumber"] != bill(SPARK)["serialNumber"]


def test_what_runs_is_required_and_what_only_tests_is_excluded():
    parts = components(bill(*ALL))
    scopes = {name: part["scope"] for name, part in parts.items()}
    assert scopes == {"pyspark": "required", "pytest": "excluded", "kafka": "required"}
    assert parts["kafka"]["purl"] == "pkg:maven/org.apache.kafka/kafka@4"


def test_archives_and_servers_are_parts_of_the_wheel_that_carries_them():
    inside = {part["name"]: part for part in components(bill(*ALL))["pyspark"]["components"]}
    assert inside["xz"]["hashes"] == [{"alg": "SHA-256", "content": "d" * 64}]
    assert inside["valkey"]["type"] == "application"


def test_a_checksum_is_given_where_there_is_one_file_only():
    parts = components(bill(*ALL))
    assert parts["kafka"]["hashes"] == [{"alg": "SHA-256", "content": "c" * 64}]
    assert "hashes" not in parts["pytest"]


def test_the_same_archive_in_two_places_is_two_components():
    twin = Dependency(Kind.JAVA, "xz", "1.12", "pyspark", sha256=("e" * 64,), carried_by="pyspark")
    document = bill(SPARK, INNER, twin)
    assert len(document["components"][0]["components"]) == 2
    assert list(schema_problems(json.dumps(document))) == []


def test_the_product_depends_on_what_runs_and_a_package_on_what_it_asks_for():
    py4j = Dependency(Kind.PYTHON, "py4j", "1", RUN_LOCK)
    graph = {
        d["ref"]: d.get("dependsOn", []) for d in bill(SPARK, PYTEST, BROKER, py4j)["dependencies"]
    }
    spark, kafka = (str(d.purl) for d in (SPARK, BROKER))
    assert set(graph["riskstream"]) == {spark, kafka, str(py4j.purl)}
    assert graph[spark] == [str(py4j.purl)]


def test_what_the_schema_does_not_know_is_a_problem():
    (problem,) = schema_problems('{"bomFormat": "CycloneDX", "specVersion": "1.6", "parts": []}')
    assert problem.startswith("not CycloneDX 1.6:")


@pytest.mark.parametrize(
    ("dependency", "check"),
    [
        (Dependency(Kind.PYTHON, "pytest", "0.1", RUN_LOCK), "installed as they are locked"),
        (Dependency(Kind.SERVER, "valkey", "unknown", "x", carried_by="x"), "states its version"),
    ],
)
def test_a_bill_that_is_not_true_fails(dependency, check):
    document = written(ALL, clock=FixedClock())
    assert {f.verdict for f in findings(document, ALL)} == {Verdict.PASSED}
    (wrong,) = (
        f for f in findings(document, (*ALL, dependency)) if f.verdict is not Verdict.PASSED
    )
    assert wrong.verdict is Verdict.FAILED
    assert check in wrong.check


def test_licences_are_stated_in_brief_or_not_at_all():
    assert stated_licence("pytest") == "MIT"
    assert stated_licence("no-such-package") == ""
