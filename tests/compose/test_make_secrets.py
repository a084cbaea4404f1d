"""The secrets' script: private files that agree with one another, made once."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from system.runtime.components.spark import spark_defaults
from system.settings import load_settings
from tests.compose.reading import COMPOSE_DIR, read_compose


def make_secrets(folder: Path) -> str:
    done = subprocess.run(
        ["bash", str(COMPOSE_DIR / "make-secrets.sh"), str(folder)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout


@pytest.fixture
def folder(tmp_path):
    make_secrets(tmp_path)
    return tmp_path


def secret(folder: Path, name: str) -> str:
    return (folder / "secrets" / name).read_text("utf-8")


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in (folder / "secrets").iterdir()}


def test_every_secret_that_the_file_declares_is_made_and_no_other(folder):
    declared = {Path(place["file"]).name for place in read_compose()["secrets"].values()}
    assert set(contents(folder)) == declared


def test_nobody_but_their_owner_can_read_them(folder):
    paths = [folder / "secrets", *(folder / "secrets").iterdir()]
    assert {path.stat().st_mode & 0o777 for path in paths[:1]} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in paths[1:]} == {0o600}


def test_the_containers_run_as_the_owner_who_is_never_root(folder):
    lines = (folder / ".env").read_text("utf-8").split()
    given = dict(line.split("=") for line in lines)
    owner = (folder / "secrets" / "redis_url").stat()
    assert given == {"RISKSTREAM_UID": str(owner.st_uid), "RISKSTREAM_GID": str(owner.st_gid)}
    assert owner.st_uid == (os.geteuid() or 10001)


def test_a_server_and_its_clients_hold_the_same_password(folder):
    for role in ("owner", "writer", "reader", "oracle"):
        url = urlsplit(secret(folder, f"{role}_database_url"))
        password = secret(folder, f"postgres_{role}_password")
        assert (url.username, url.password) == (f"riskstream_{role}", password)
    directive, password = secret(folder, "redis_auth").split()
    assert directive == "requirepass"
    assert urlsplit(secret(folder, "redis_url")).password == password


def mounted(folder: Path, service: str, into: Path) -> Path:
    """Return a folder with a service's secrets under the names that Compose mounts them by."""
    for grant in read_compose()["services"][service]["secrets"]:
        source, target = (
            (grant,) * 2 if isinstance(grant, str) else (grant["source"], grant["target"])
        )
        if not target.startswith("/"):
            (into / target).write_text(secret(folder, source), "utf-8")
    return into


@pytest.mark.parametrize(
    ("service", "role"), [("stream", "writer"), ("api", "reader"), ("oracle", "oracle")]
)
def test_each_component_connects_as_the_role_of_its_work(
    folder, tmp_path_factory, monkeypatch, service, role
):
    at = mounted(folder, service, tmp_path_factory.mktemp(service))
    for variable in ("DATABASE_URL", "REDIS_URL", "RISKSTREAM_API_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("RISKSTREAM_SECRETS_DIR", str(at))
    connections = load_settings().connections()
    url = secret(folder, f"{role}_database_url")
    assert connections.database_url == connections.reader_database_url == url
    owner = secret(folder, "owner_database_url") if service == "stream" else url
    assert connections.owner_database_url == owner
    assert connections.redis_url == secret(folder, "redis_url")


def test_the_api_reads_its_token_from_them(folder, tmp_path_factory, monkeypatch):
    at = mounted(folder, "api", tmp_path_factory.mktemp("api"))
    monkeypatch.delenv("RISKSTREAM_API_TOKEN", raising=False)
    monkeypatch.setenv("RISKSTREAM_SECRETS_DIR", str(at))
    token = load_settings().connections().api_token
    assert token == secret(folder, "riskstream_api_token")


def test_sparks_settings_are_those_of_the_embedded_cluster(folder):
    written = secret(folder, "spark-defaults.conf")
    setting = re.search(r"authenticate\.secret +(\w+)", written)
    assert setting
    assert written == spark_defaults(setting[1])


def test_every_word_is_random_and_of_192_bits(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    make_secrets(other)
    words = re.findall(r"\b[0-9a-f]{48}\b", " ".join(contents(folder).values()))
    others = re.findall(r"\b[0-9a-f]{48}\b", " ".join(contents(other).values()))
    assert len(set(words)) == 10
    assert not set(words) & set(others)


def test_secrets_that_are_there_are_kept(folder):
    before = contents(folder)
    assert "already" in make_secrets(folder)
    assert contents(folder) == before


def test_what_a_person_added_to_the_variables_is_kept(folder):
    with (folder / ".env").open("a", encoding="utf-8") as file:
        file.write("RISKSTREAM_API_PORT=9000\n")
    make_secrets(folder)
    assert "RISKSTREAM_API_PORT=9000" in (folder / ".env").read_text("utf-8")


def test_nothing_half_made_is_left_when_it_fails(tmp_path):
    (tmp_path / "secrets").symlink_to(tmp_path / "nowhere" / "secrets")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(subprocess.CalledProcessError):
        make_secrets(tmp_path)
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_of_an_older_version_gets_the_roles_that_are_new(folder):
    before = contents(folder)
    for name in ("postgres_alerts_password", "alerts_database_url"):
        (folder / "secrets" / name).unlink()
    make_secrets(folder)
    after = contents(folder)
    assert set(after) == set(before)
    assert {name for name in before if before[name] != after[name]} == {
        "postgres_alerts_password",
        "alerts_database_url",
    }
    assert after["postgres_alerts_password"] in after["alerts_database_url"]
