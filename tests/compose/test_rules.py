"""compose.yaml follows the Compose specification and the house rules; the rules can fail."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.compose import rules
from tests.compose.reading import COMPOSE_PATH, read_compose


@pytest.fixture
def compose() -> dict[str, Any]:
    return read_compose()


def specification_verdict(path: Path) -> subprocess.CompletedProcess[str]:
    """Compare a file with the schema of the Compose specification that check-jsonschema ships."""
    schema = ("--builtin-schema", "vendor.compose-spec")
    return subprocess.run(
        (sys.executable, "-m", "check_jsonschema", *schema, str(path)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_file_follows_the_compose_specification():
    verdict = specification_verdict(COMPOSE_PATH)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


@pytest.mark.parametrize(
    ("key", "value"),
    [("healthchek", {}), ("ports", 8000), ("depends_on", {"api": {"condition": "started"}})],
)
def test_the_specification_refuses_what_it_does_not_know(tmp_path, compose, key, value):
    compose["services"]["api"][key] = value
    broken = tmp_path / "compose.yaml"
    broken.write_text(yaml.safe_dump(compose), "utf-8")
    verdict = specification_verdict(broken)
    assert verdict.returncode != 0
    assert "services" in verdict.stdout


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_file_keeps_every_house_rule(compose, rule):
    assert list(rule(compose)) == []


BROKEN = [
    (rules.ports_on_loopback, "api", {"ports": ["8000:8000"]}),
    (rules.ports_on_loopback, "api", {"ports": ["0.0.0.0:8000:8000"]}),
    (rules.ports_on_loopback, "api", {"ports": [{"target": 8000, "published": "8000"}]}),
    (rules.nothing_shares_the_hosts_network, "redis", {"network_mode": "host"}),
    (rules.tags_pinned, "redis", {"image": "redis:latest"}),
    (rules.tags_pinned, "redis", {"image": "registry:5000/redis"}),
    (rules.digest_taken, "redis", {"image": "valkey/valkey:9.1.2"}),
    (rules.health_checked, "kafka", {"healthcheck": {"disable": True}}),
    (rules.health_checked, "replay", {"restart": "unless-stopped"}),
    (rules.restarted, "replay", {"profiles": []}),
    (rules.restarted, "api", {"restart": "always"}),
    (rules.waits_for_health, "api", {"depends_on": {"stream": {"condition": "service_started"}}}),
    (rules.waits_for_health, "api", {"depends_on": {"flow": {"condition": "service_healthy"}}}),
    (rules.no_inline_secrets, "stream", {"environment": {"DATABASE_URL": "postgresql://me@pg"}}),
    (rules.no_inline_secrets, "stream", {"secrets": ["keys"]}),
    (rules.bounded, "redis", {"deploy": {"resources": {"limits": {"memory": "1g"}}}}),
    (rules.bounded, "redis", {"logging": {"driver": "json-file"}}),
    (rules.few_rights, "api", {"cap_drop": []}),
    (rules.few_rights, "api", {"security_opt": []}),
    (rules.few_rights, "api", {"read_only": False}),
    (rules.few_rights, "api", {"user": "0:0"}),
    (rules.data_kept_inside, "postgres", {"networks": ["inside", "outside"]}),
]


@pytest.mark.parametrize(("rule", "service", "change"), BROKEN)
def test_each_house_rule_names_the_service_that_breaks_it(compose, rule, service, change):
    compose["services"] = copy.deepcopy(compose["services"])
    compose["services"][service].update(change)
    problems = list(rule(compose))
    assert len(problems) == 1
    assert problems[0].startswith(service)


def test_every_house_rule_is_shown_to_fail():
    assert {rule for rule, _, _ in BROKEN} == set(rules.RULES)


def test_no_service_waits_for_itself_in_a_circle(compose):
    waits = {name: set(each.get("depends_on", ())) for name, each in compose["services"].items()}
    while waits:
        free = {name for name, others in waits.items() if not others}
        assert free, f"these wait for one another: {sorted(waits)}"
        waits = {name: others - free for name, others in waits.items() if name not in free}
