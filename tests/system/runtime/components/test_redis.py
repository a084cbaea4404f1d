"""Redis: its configuration and its program."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from system.runtime.components import redis
from system.runtime.components.redis import redis_conf, redis_server
from system.runtime.errors import StackError


def test_redis_writes_nothing_to_disk_and_never_drops_a_key():
    conf = redis_conf(1, "x").splitlines()
    assert {'save ""', "appendonly no", "maxmemory-policy noeviction"} <= set(conf)
    assert any(line.startswith("maxmemory ") for line in conf)


def test_a_client_that_does_not_read_is_disconnected_by_redis():
    assert "client-output-buffer-limit normal 64mb 16mb 30" in redis_conf(1, "x").splitlines()


def test_the_redis_program_is_installed_and_current():
    assert os.access(redis_server(), os.X_OK)
    done = subprocess.run([redis_server(), "--version"], capture_output=True, text=True, check=True)
    assert int(re.findall(r" v=(\d+)\.", done.stdout)[0]) >= 9


def test_a_missing_redis_program_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(redis, "SERVER_PACKAGE", "a-package-that-is-not-there")
    with pytest.raises(StackError, match=r"make setup.*REDIS_URL"):
        redis_server()
    monkeypatch.setattr(redis, "SERVER_PACKAGE", "redis")
    with pytest.raises(StackError, match="no valkey-server for this machine"):
        redis_server()
