"""Usage: CPU and memory of a process and of its children, by name."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from validation.measure.usage import UsageSampler

BUSY = (
    "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass\ninput()"
)


def test_cpu_of_a_process_is_counted_from_its_first_sample_on():
    command = [sys.executable, "-c", "input()\n" + BUSY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        sampler = UsageSampler({"busy": process.pid})
        sampler.sample()
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        while sampler.usage()[0].cpu_s < 0.15:
            sampler.sample()
        process.kill()
    (usage,) = sampler.usage()
    assert usage.name == "busy"
    assert usage.memory_mb_max >= usage.memory_mb_first > 1


def test_a_process_that_is_gone_is_left_out():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    with UsageSampler({"gone": process.pid, "self": os.getpid()}) as sampler:
        sampler.sample()
    names = [usage.name for usage in sampler.usage()]
    assert "self" in names  # and its Java machines, where another test has left one
    assert not any(name.startswith("gone") for name in names)


def test_what_waits_for_a_core_that_another_has_is_counted():
    core = min(os.sched_getaffinity(0))
    busy = f"import os\nos.sched_setaffinity(0, {{{core}}})\nwhile True: pass"
    command = [sys.executable, "-c", busy]
    with subprocess.Popen(command) as worker, subprocess.Popen(command) as other:
        sampler = UsageSampler({"one": worker.pid, "other": other.pid})
        sampler.sample()
        while min(used.waiting or 0.0 for used in sampler.usage()) < 0.1:
            sampler.sample()
        worker.kill()
        other.kill()
    assert {used.name for used in sampler.usage()} == {"one", "other"}


def test_what_a_process_takes_for_itself_is_seen_over_time():
    command = [sys.executable, "-c", "input()\nheld = bytes(b'x') * 64_000_000\nprint()\ninput()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        sampler = UsageSampler({"holder": process.pid})
        sampler.sample()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        sampler.sample()
        process.kill()
    (memory,) = sampler.memory()
    (before, after), (usage,) = memory.own_mb, sampler.usage()
    assert memory.at_ns[0] < memory.at_ns[1]
    assert after - before == pytest.approx(61.0, abs=8.0)
    assert after < usage.memory_mb_last  # its interpreter's own file is mapped
