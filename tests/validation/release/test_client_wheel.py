"""The client's wheel: the clients with all that they import, and nothing of the servers."""

from __future__ import annotations

import pytest

from system.errors import InputError
from system.places import PROJECT_DIR
from validation.release.client_wheel import (
    build_client_wheel,
    client_dependencies,
    client_modules,
)

SERVERS = ("serve", "show", "store", "stream", "runtime", "book", "risk", "bus", "settings")


def test_the_clients_come_with_every_module_that_they_import():
    modules = client_modules(PROJECT_DIR)
    assert {"system/client/sync_client.py", "system/client/async_client.py"} <= set(modules)
    assert {"system/__init__.py", "system/client/__init__.py"} <= set(modules)
    for path in modules.values():
        assert path.is_file()


@pytest.mark.parametrize("name", SERVERS)
def test_nothing_of_the_servers_is_in_it(name):
    of_it = (f"system/{name}/", f"system/{name}.py")
    assert not [place for place in client_modules(PROJECT_DIR) if place.startswith(of_it)]


def test_it_needs_few_libraries_each_with_the_products_bound():
    names = [each.partition(">")[0] for each in client_dependencies(PROJECT_DIR)]
    assert names == ["httpx", "httpx-sse", "msgspec", "tenacity"]
    assert all(">=" in each for each in client_dependencies(PROJECT_DIR))


def test_it_is_built_from_a_checkout_only(tmp_path):
    with pytest.raises(InputError, match="no checkout"):
        build_client_wheel(tmp_path, tmp_path / "dist")
    assert list(tmp_path.iterdir()) == []
