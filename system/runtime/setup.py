"""``riskstream setup``: what a run needs besides Python packages."""

from __future__ import annotations

import sys

from system.console import PlainConsole
from system.runtime.classes import main as keep_classes
from system.runtime.components.compiler import compiled_writer
from system.runtime.components.java import find_java
from system.runtime.fetch.__main__ import fetch
from system.runtime.fetch.jars import missing_jars
from system.runtime.fetch.wheels import wheels_are_there
from system.runtime.preflight import check_python, check_system
from system.settings import load_settings


def setup() -> None:
    """Fetch locked Java archives and market data; compile the stream's Java class.

    Java then keeps the classes of Spark that it has loaded.

    What is there already is not fetched again. `make setup` does the same in a checkout.
    """
    console = PlainConsole(stderr=True)
    settings = load_settings()
    check_system(sys.platform)
    check_python(sys.version_info[:2])
    java = find_java(settings.java_home, settings.search_path)
    console.print(f"Java {java.version} ({java.home})", highlight=False)
    if missing_jars(settings):
        fetch("jars")
    if not wheels_are_there(settings):
        fetch("wheels")
    compiled_writer(settings, java)
    keep_classes()
    console.print(f"nothing is missing in {settings.cache_dir}", highlight=False)
