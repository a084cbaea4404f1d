"""The stream's Java class: compiled from the source that is installed, with whatever compiler."""

from __future__ import annotations

import zipfile

import pytest

from system.errors import InputError
from system.runtime.components.compiler import compiled_writer, compiler, locked_compiler_dir
from system.runtime.components.java import Java, find_java
from system.settings import Settings, load_settings
from system.stream.spark.writer_class import CLASS_NAME, DIGEST_ENTRY, source_digest
from tests.system.runtime.installations import fake_java


@pytest.fixture
def installed() -> Java:
    settings = load_settings()
    return find_java(settings.java_home, settings.search_path)


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache")


def class_names(jar) -> set[str]:
    with zipfile.ZipFile(jar) as archive:
        return {name for name in archive.namelist() if name.endswith(".class")}


def test_the_jar_is_of_this_very_source_and_is_compiled_once(settings, installed, monkeypatch):
    jar = compiled_writer(settings, installed)
    assert f"{CLASS_NAME.replace('.', '/')}.class" in class_names(jar)
    with zipfile.ZipFile(jar) as archive:
        manifest = archive.read("META-INF/MANIFEST.MF").decode()
    assert f"{DIGEST_ENTRY}: {source_digest()}" in manifest.splitlines()
    monkeypatch.setattr("system.runtime.components.compiler.run_step", None)
    assert compiled_writer(settings, installed) == jar
    assert [path.name for path in jar.parent.iterdir()] == [jar.name]


def test_a_machine_with_a_jre_only_uses_the_locked_compiler(tmp_path, settings, installed):
    """It makes the same classes as the JDK's own."""
    jre = Java(fake_java(tmp_path / "jre", "17.0.15"), 17)
    with pytest.raises(InputError, match="run `make setup`"):
        compiler(settings, jre)
    locked = locked_compiler_dir(load_settings())
    (jar,) = locked.glob("ecj-*.jar")
    locked_compiler_dir(settings).mkdir(parents=True)
    (locked_compiler_dir(settings) / jar.name).symlink_to(jar)
    program, *options = compiler(settings, jre)
    assert program == str(jre.executable)
    assert options == ["-jar", str(locked_compiler_dir(settings) / jar.name)]


def test_the_locked_compiler_compiles_the_source(settings, installed, monkeypatch):
    (jar,) = locked_compiler_dir(load_settings()).glob("ecj-*.jar")
    command = (str(installed.executable), "-jar", str(jar))
    monkeypatch.setattr("system.runtime.components.compiler.compiler", lambda *_: command)
    names = class_names(compiled_writer(settings, installed))
    assert f"{CLASS_NAME.replace('.', '/')}.class" in names
