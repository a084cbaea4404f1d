"""A broker that runs once, for itself, so that Java keeps the classes which every broker loads."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Final

from system.bus.admin import create_topics
from system.runtime.components.broker_program import (
    broker_archive,
    broker_program,
    format_program,
    write_configuration,
)
from system.runtime.components.java import Java
from system.runtime.components.kafka import cluster_id, server_properties
from system.runtime.components.ports import free_ports
from system.runtime.components.programs import guarded_command, run_step, save_program
from system.runtime.errors import StackError
from system.settings import LOOPBACK, Settings

ANSWER_BOUND_S: Final = 120.0
EXIT_BOUND_S: Final = 120.0


def write_broker_archive(settings: Settings, java: Java, file: Path) -> None:
    """Run a broker on loopback, create the topics, end it: its JVM then writes the archive.

    Parameters
    ----------
    settings : Settings
        Names the Java archives and the broker's heap.
    java : Java
        What runs the broker.
    file : Path
        To write; its folder is there.

    Raises
    ------
    InputError
        If the broker's Java archives are not installed.
    BusUnavailableError
        If the broker does not answer.
    StackError
        If its log folder cannot be formatted, or the broker does not end.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker, controller = free_ports([None, None])
        ports = {"broker": broker, "controller": controller}
        write_configuration(folder, server_properties(ports, folder / "log"))
        formatting = format_program(settings, java, folder, cluster_id(uuid.uuid4()))
        run_step(formatting, folder / "format.program")
        program = folder / "broker.program"
        flags = (replace(broker_archive(settings, java), file=file).make_flag,)
        save_program(program, broker_program(settings, java, folder, flags))
        with subprocess.Popen(
            guarded_command(str(program), str(os.getpid())),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                servers = f"{LOOPBACK}:{broker}"
                create_topics(servers, settings.partitions, timeout_seconds=ANSWER_BOUND_S)
                process.send_signal(signal.SIGTERM)
                process.wait(EXIT_BOUND_S)
            except subprocess.TimeoutExpired:
                raise StackError(f"the broker did not end within {EXIT_BOUND_S:g} s") from None
            finally:
                process.kill()
