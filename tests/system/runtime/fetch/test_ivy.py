"""Ivy as it is asked: archives alone, no metadata; its failures and its report."""

from __future__ import annotations

import stat
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from system.runtime.fetch import ivy
from system.runtime.fetch.ivy import FetchError, fetch_archives, module_xml, resolved_archives
from system.runtime.fetch.locked_jars import Coordinates

KAFKA = Coordinates("org.apache.kafka", "kafka_2.13", "4.3.1")
OTHER = Coordinates("a.b", "c", "1.0")
REPORT = """<ivy-report><dependencies>
<module organisation="org.apache.kafka" name="kafka_2.13"><revision name="4.3.1"/></module>
<module organisation="a.b" name="c">
  <revision name="0.9" evicted="latest"/><revision name="1.0"/>
</module>
</dependencies></ivy-report>"""


@pytest.fixture
def java(tmp_path, monkeypatch):
    """Java that runs a shell script in place of Ivy; the arguments are in ``asked``."""
    monkeypatch.setattr(ivy, "_ivy_jar", lambda: tmp_path / "ivy.jar")

    def with_script(body: str) -> SimpleNamespace:
        program = tmp_path / "java"
        program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n{body}\n', "utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return SimpleNamespace(executable=program)

    return with_script


@pytest.mark.parametrize("transitive", [True, False])
def test_the_description_names_every_archive(transitive):
    text = module_xml([KAFKA, OTHER], transitive=transitive)
    tree = ElementTree.fromstring(text)  # noqa: S314 - ours
    dependencies = list(tree.iter("dependency"))
    assert [each.get("name") for each in dependencies] == ["kafka_2.13", "c"]
    assert {each.get("transitive") for each in dependencies} == {str(transitive).lower()}


def test_each_finished_download_is_counted(java, tmp_path):
    downloads: list[int] = []
    fetch_archives(
        java("echo '[SUCCESSFUL ] a'; echo downloading; echo '[SUCCESSFUL ] b'"),
        [KAFKA],
        tmp_path / "jars",
        on_download=lambda: downloads.append(1),
    )
    asked = (tmp_path / "asked").read_text("utf-8")
    assert len(downloads) == 2
    assert f"-retrieve {tmp_path}/jars/[artifact]-[revision].[ext]" in asked


def test_settings_of_a_mirror_are_handed_on(java, tmp_path):
    mirror = tmp_path / "mirror.xml"
    fetch_archives(java("true"), [KAFKA], tmp_path, settings_path=mirror)
    assert f"-settings {mirror}" in (tmp_path / "asked").read_text("utf-8")


def test_a_failure_quotes_the_end_of_what_ivy_printed(java, tmp_path):
    script = java("for i in $(seq 30); do echo line $i; done; exit 1")
    with pytest.raises(FetchError) as failed:
        fetch_archives(script, [KAFKA], tmp_path)
    assert "line 30" in str(failed.value)
    assert "line 10\n" not in str(failed.value)


def test_what_was_evicted_is_left_out_of_what_is_needed(java, tmp_path):
    (tmp_path / "report").write_text(REPORT, "utf-8")
    cache = 'while [ "$1" != -cache ]; do shift; done; mkdir -p "$2"'
    copy = f'cp {tmp_path}/report "$2/riskstream-archives-default.xml"'
    assert resolved_archives(java(f"{cache}; {copy}"), [KAFKA]) == [OTHER, KAFKA]


def test_pyspark_without_ivy_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(ivy, "spark_home", lambda: tmp_path)
    with pytest.raises(FetchError, match="make setup"):
        fetch_archives(SimpleNamespace(executable=Path("java")), [KAFKA], tmp_path)
