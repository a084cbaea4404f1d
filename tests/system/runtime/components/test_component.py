"""Files and programs of each component: loopback only, no secret in sight; health over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from system.errors import UnavailableError
from system.runtime.components.component import http_answer, reachable_by_others
from system.runtime.components.registry import COMPONENTS
from tests.system.runtime.components.conftest import SECRETS


def test_a_private_folder_above_is_seen(tmp_path):
    (tmp_path / "private").mkdir(mode=0o700)
    assert not reachable_by_others(tmp_path / "private" / "file")
    assert reachable_by_others(Path("/bin/sh"))


def test_only_web_addresses_are_asked_for_health(tmp_path):
    (tmp_path / "x").write_text("secret", "utf-8")
    with pytest.raises(UnavailableError, match="not a web address"):
        http_answer((tmp_path / "x").as_uri())


@pytest.mark.usefixtures("_data_folder")
@pytest.mark.parametrize("component", COMPONENTS.values(), ids=lambda each: each.name)
def test_no_secret_stands_on_a_command_line_or_in_an_address(component, site, connections):
    command = " ".join(component.prepare(site).command)
    shown = f"{command} {component.address(connections, site.ports)}"
    assert not [secret for secret in vars(SECRETS).values() if secret in shown]


@pytest.mark.usefixtures("_data_folder")
@pytest.mark.parametrize("component", COMPONENTS.values(), ids=lambda each: each.name)
def test_nothing_listens_on_other_than_loopback(component, site):
    program = component.prepare(site)
    written = [
        path for path in site.state.root.rglob("*") if path.suffix in {".conf", ".properties"}
    ]
    said = " ".join([*program.command, *(path.read_text("utf-8") for path in written)])
    assert "0.0.0.0" not in said  # noqa: S104 - looked for
    assert "localhost" not in said


@pytest.mark.usefixtures("_data_folder")
@pytest.mark.parametrize("component", COMPONENTS.values(), ids=lambda each: each.name)
def test_every_file_with_a_secret_is_private(component, site):
    component.prepare(site)
    for path in site.state.root.rglob("*"):
        if path.is_file() and any(s in path.read_text("utf-8") for s in vars(SECRETS).values()):
            assert path.stat().st_mode & 0o077 == 0, path


def test_facts_lead_to_where_the_component_listens(site):
    assert COMPONENTS["kafka"].facts(site) == {"kafka_bootstrap_servers": "127.0.0.1:20001"}
    assert COMPONENTS["spark-master"].facts(site) == {"spark_master": "spark://127.0.0.1:20004"}
    assert COMPONENTS["redis"].facts(site)["redis_url"] == "redis://:redissecret@127.0.0.1:20003/0"
    at = "127.0.0.1:20003/riskstream"
    assert COMPONENTS["postgres"].facts(site) == {
        "database_url": f"postgresql://riskstream_writer:writersecret@{at}",
        "owner_database_url": f"postgresql://riskstream_owner:ownersecret@{at}",
        "reader_database_url": f"postgresql://riskstream_reader:readersecret@{at}",
        "oracle_database_url": f"postgresql://riskstream_oracle:oraclesecret@{at}",
        "alerts_database_url": f"postgresql://riskstream_alerts:alertssecret@{at}",
        "report_database_url": f"postgresql://riskstream_report:reportsecret@{at}",
    }
    assert "tokensecret" in COMPONENTS["api"].facts(site).values()
