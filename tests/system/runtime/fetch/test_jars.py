"""Sets of Java archives: fetched where they are missing or differ, checked before they count."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from types import SimpleNamespace

import pytest

from system.runtime.fetch import jars
from system.runtime.fetch.jars import ROOTS, fetch_jars, locked_jars, missing_jars
from system.runtime.fetch.locked_jars import (
    SETS,
    Coordinates,
    JarLockError,
    LockedJar,
    lock_text,
    parsed_lock,
)
from system.settings import Settings

JAVA = SimpleNamespace()


def content(archive: Coordinates) -> bytes:
    return archive.file_name.encode()


def locked(set_name: str, archive: Coordinates) -> LockedJar:
    return LockedJar(set_name, archive, hashlib.sha256(content(archive)).hexdigest())


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Settings:
    """Settings with an empty cache, and a lock of the roots alone that a fake Ivy serves."""
    lock = tmp_path / "jars.lock"
    archives = [locked(name, archive) for name in SETS for archive in ROOTS[name]]
    lock.write_text(lock_text(archives), "utf-8")
    monkeypatch.setattr(jars, "LOCK_PATH", lock)

    def fetch_archives(java, archives, folder, *, on_download=lambda: None, **_):
        folder.mkdir(parents=True, exist_ok=True)
        for archive in archives:
            (folder / archive.file_name).write_bytes(content(archive))
            on_download()

    monkeypatch.setattr(jars, "fetch_archives", fetch_archives)
    return Settings(cache_dir=tmp_path / "cache")


def test_the_connector_is_of_pysparks_own_version():
    [connector] = [each for each in ROOTS["connector"] if each.organisation == "org.apache.spark"]
    assert connector.revision == version("pyspark")


def test_an_empty_cache_lacks_every_set(cache):
    assert set(missing_jars(cache)) == set(SETS)


def test_what_was_fetched_is_there_and_not_fetched_again(cache):
    downloads: list[int] = []
    fetch_jars(cache, JAVA, lambda: downloads.append(1))
    assert len(downloads) == sum(map(len, ROOTS.values()))
    assert missing_jars(cache) == {}
    fetch_jars(cache, JAVA, lambda: downloads.append(1))
    assert len(downloads) == sum(map(len, ROOTS.values()))


def test_a_set_with_a_changed_archive_is_replaced_and_others_stay(cache):
    fetch_jars(cache, JAVA)
    [compiler] = (cache.broker_jars_dir.parent / "compiler").iterdir()
    compiler.write_bytes(b"tampered")
    assert set(missing_jars(cache)) == {"compiler"}
    fetch_jars(cache, JAVA)
    assert compiler.read_bytes() == content(ROOTS["compiler"][0])


def test_what_is_not_what_was_locked_does_not_reach_the_cache(cache, monkeypatch):
    served = jars.fetch_archives

    def tampering(java, archives, folder, **options):
        served(java, archives, folder, **options)
        (folder / ROOTS["compiler"][0].file_name).write_bytes(b"tampered")

    monkeypatch.setattr(jars, "fetch_archives", tampering)
    with pytest.raises(JarLockError):
        fetch_jars(cache, JAVA)
    assert not (cache.broker_jars_dir.parent / "compiler").exists()
    assert not list(cache.broker_jars_dir.parent.glob(".fetching-*"))


def test_a_lock_is_made_of_what_is_resolved_without_what_pyspark_ships(
    cache, monkeypatch, tmp_path
):
    shipped = Coordinates("a.b", "shipped", "1.0")
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / shipped.file_name).touch()
    monkeypatch.setattr(jars, "spark_home", lambda: tmp_path)
    monkeypatch.setattr(jars, "resolved_archives", lambda java, roots: [*roots, shipped])
    archives = locked_jars(JAVA)
    sets = {jar.set_name for jar in archives if jar.coordinates == shipped}
    assert sets == set(SETS) - {"connector"}
    assert set(parsed_lock(lock_text(archives))) == set(archives)
