"""The embedded stack: started in the order of need, as much as possible at once."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from system.clock import Clock, SystemClock
from system.runtime.components.component import Component, Site
from system.runtime.components.java import Java, find_java
from system.runtime.components.ports import free_ports
from system.runtime.components.programs import save_program
from system.runtime.components.registry import COMPONENTS, chosen_components
from system.runtime.errors import ComponentFailedError, PortTakenError, StackError
from system.runtime.health import await_external
from system.runtime.running import RunningStack
from system.runtime.state import (
    ComponentRecord,
    Secrets,
    StackRecord,
    StateDir,
    forget_run,
    held_lock,
    kept_secrets,
    last_lines,
    opened_short_dir,
    opened_state_dir,
    save_record,
)
from system.runtime.supervision.supervisord import (
    Supervisor,
    launch_supervisor,
    program_path,
    supervisor_conf,
)
from system.settings import ConnectionName, Connections, Settings, save_connections

MAX_PORT_TRIES: Final = 3
SUPERVISOR_START_BOUND_S: Final = 60.0
SUPERVISOR_POLL_S: Final = 0.05
WAIT_POLL_S: Final = 0.5
STARTING: Final = "starting"
DETAIL_EVERY_S: Final = 2.0
FINISHING: Final = "finishing"


@dataclass(frozen=True)
class Progress:
    """Progress of one component during a start, for a person who waits.

    Parameters
    ----------
    component : str
        Its name.
    stage : str
        "preparing", "starting", "ready", "external" for a server that is not ours, "finishing"
        for work on a component that is ready (the steps of a schema), or "failing" for an optional
        component that does not come up.
    detail : str
        Progress of a component that answers and is still "starting" or "finishing", or the reason
        why it is "failing".
    elapsed_s : float
        Since the start of the stack.
    """

    component: str
    stage: str
    elapsed_s: float
    detail: str = ""


class EmbeddedStack:
    """Every server of the product on this machine, from start to stop.

    A context manager: ``with EmbeddedStack(settings) as stack: stack.connections...``.
    The thread that starts it must live as long as the stack, unless it is detached.

    Parameters
    ----------
    settings : Settings
        Where state lives, which servers are external, ports.
    components : iterable of str
        Which to start; all by default.
    detached : bool
        Whether the stack outlives this process (``stop`` still stops it).
    on_progress : callable, optional
        Told of every ``Progress``, from several threads.
    clock : Clock
        Measures the progress.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        components: Iterable[str] = tuple(COMPONENTS),
        detached: bool = False,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._components = tuple(
            each for each in chosen_components(components) if each.is_wanted(settings)
        )
        self._detached = detached
        self._on_progress = on_progress
        self._clock = clock or SystemClock()
        self._began_ns = 0
        self._state = StateDir(settings.state_dir)
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._supervisor_pid = 0
        self._facts: dict[ConnectionName, str] = {}
        self._records: dict[str, ComponentRecord] = {}
        self._facts_lock = threading.Lock()
        self._cancelled = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def connections(self) -> Connections:
        """Addresses of the servers."""
        return Connections(dict(self._facts), self._state.root)

    @property
    def running(self) -> RunningStack:
        """The stack as any other process sees it: status, process ids, restart."""
        return RunningStack(self._settings)

    def start(self) -> None:
        """Start every chosen component and return once all of them answer.

        Raises
        ------
        AlreadyRunningError
            If a stack runs on this state folder.
        JavaNotFoundError
            If a component needs Java and no tested one is installed.
        ComponentFailedError
            If a component did not come up; everything is stopped again.
        StackError
            If anything else of the stack failed; everything is stopped again.
        """
        self._began_ns = self._clock.monotonic_ns()
        state = opened_state_dir(self._settings)
        with held_lock(state) as lock:
            try:
                self._launch(state, lock)
                self._start_components(self._ingredients(state))
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Stop everything and return when it is gone; harmless when nothing runs."""
        self._cancelled.set()
        if self._supervisor is not None:
            self.running.stop(self._supervisor_pid or self._supervisor.pid)
            self._supervisor.wait()
            self._supervisor = None

    def wait(self) -> None:
        """Return when the stack was stopped from outside.

        Raises
        ------
        ComponentFailedError
            If it stopped because a component was lost for good.
        StackError
            If the supervisor itself was killed.
        """
        assert self._supervisor is not None, "wait() is for a stack that was started"
        assert not self._detached, "wait() is for a stack of this process"
        while self._supervisor.poll() is None:
            self._clock.sleep(WAIT_POLL_S)
        failure = self.failure()
        if failure is not None:
            raise failure
        if self._supervisor.returncode != 0:
            raise StackError(f"supervisord ended by {self._supervisor.returncode}; all is stopped")

    def failure(self) -> ComponentFailedError | None:
        """Return why the stack stopped by itself, None if it did not."""
        return self.running.failure()

    def _launch(self, state: StateDir, lock: int) -> None:
        """Start supervisord and wait until it answers."""
        forget_run(self._settings, state)
        state.failure_path.unlink(missing_ok=True)
        shutil.rmtree(self._settings.alive_dir, ignore_errors=True)
        opened_short_dir(state, reachable=False)
        conf = supervisor_conf(self._components, state.socket_path)
        state.supervisor_conf_path.write_text(conf, "utf-8")
        self._supervisor = launch_supervisor(state, lock, detached=self._detached)
        deadline_ns = self._clock.monotonic_ns() + int(SUPERVISOR_START_BOUND_S * 1e9)
        while not self._supervisor_answers(state):
            if self._supervisor.poll() or self._clock.monotonic_ns() > deadline_ns:
                log_path = state.logs_dir / "supervisord.launch.log"
                raise ComponentFailedError(
                    "supervisord", "did not start", log_path, last_lines(log_path)
                )
            self._clock.sleep(SUPERVISOR_POLL_S)

    def _supervisor_answers(self, state: StateDir) -> bool:
        try:
            self._supervisor_pid = Supervisor(state).pid()
        except StackError:
            return False
        return True

    def _ingredients(self, state: StateDir) -> _Ingredients:
        java = None
        external = self._settings.external()
        if any(each.needs_java and each.replaced_by not in external for each in self._components):
            java = find_java(self._settings.java_home, self._settings.search_path)
        self._facts.update(external)
        return _Ingredients(state, kept_secrets(self._settings, state), java, external)

    def _start_components(self, ingredients: _Ingredients) -> None:
        futures: dict[str, Future[None]] = {}
        with ThreadPoolExecutor(len(self._components), "start") as pool:
            try:
                for component in self._components:
                    needed = [futures[name] for name in component.after if name in futures]
                    futures[component.name] = pool.submit(
                        self._start_after, needed, component, ingredients
                    )
                wait(futures.values(), return_when=FIRST_EXCEPTION)
                _raise_first(futures.values())
            except BaseException:
                self._cancelled.set()
                raise

    def _start_after(
        self, needed: list[Future[None]], component: Component, ingredients: _Ingredients
    ) -> None:
        for each in needed:
            each.result()
        if component.replaced_by in ingredients.external:
            self._join_external(component)
        else:
            self._start_own(component, ingredients)
        component.finish(
            self._settings, self.connections, lambda text: self._tell(component, FINISHING, text)
        )

    def _join_external(self, component: Component) -> None:
        self._remember(component, {}, None)
        await_external(component, self.connections, self._addresses(), self._cancelled)
        self._tell(component, "external")

    def _start_own(self, component: Component, ingredients: _Ingredients) -> None:
        for attempt in range(MAX_PORT_TRIES):
            # Temporary stacks run side by side: both would take a customary port that one frees.
            is_lasting = self._settings.state_dir.name.startswith(".riskstream")
            ports = self._chosen_ports(component, customary=is_lasting and attempt == 0)
            try:
                self._start_once(component, self._site(ports, ingredients))
            except ComponentFailedError as error:
                if isinstance(error, PortTakenError) and attempt < MAX_PORT_TRIES - 1:
                    continue
                if component.essential or self._cancelled.is_set():
                    raise
                self._leave_to_sentinel(component, error)
                return
            else:
                return

    def _leave_to_sentinel(self, component: Component, error: ComponentFailedError) -> None:
        """Let an optional component that did not come up be tried again, while all else runs."""
        self._tell(component, "failing", f"{error.reason}; it is started again and again")
        with suppress(StackError):
            Supervisor(self._state).start(component.name)

    def _site(self, ports: Mapping[str, int], ingredients: _Ingredients) -> Site:
        return Site(
            self._settings,
            ingredients.state,
            ingredients.secrets,
            ports,
            self.connections,
            ingredients.java,
        )

    def _start_once(self, component: Component, site: Site) -> None:
        self._tell(component, "preparing")
        program = component.prepare(site)
        self._remember(component, site.ports, site)
        save_program(site.state.root / program_path(component.name), program)
        self._tell(component, STARTING)
        self.running.start_and_await(
            component, self._addresses(), self._cancelled, self._details(component)
        )
        self._tell(component, "ready")

    def _chosen_ports(self, component: Component, *, customary: bool) -> dict[str, int]:
        preferred = [
            component.preferred_port(self._settings, name) if customary else None
            for name in component.port_names
        ]
        return dict(zip(component.port_names, free_ports(preferred), strict=True))

    def _remember(self, component: Component, ports: Mapping[str, int], site: Site | None) -> None:
        """Let others know where the component is: in this process and through the files."""
        with self._facts_lock:
            if site is not None:
                self._facts.update(component.facts(site))
            log_path = self._state.log_path(component.name) if site is not None else ""
            self._records[component.name] = ComponentRecord(
                component.name,
                component.address(self.connections, ports),
                external=site is None,
                log_path=str(log_path),
            )
            save_connections(self._settings.connections_path, self._facts)
            self._save_record()

    def _save_record(self) -> None:
        assert self._supervisor_pid, "supervisord is launched before any component"
        ordered = (self._records.get(each.name) for each in self._components)
        save_record(self._state, StackRecord(self._supervisor_pid, tuple(r for r in ordered if r)))

    def _addresses(self) -> dict[str, str]:
        with self._facts_lock:
            return {name: record.address for name, record in self._records.items()}

    def _details(self, component: Component) -> Callable[[str], None]:
        """Return what passes on how far a component is, every ``DETAIL_EVERY_S``."""
        due_ns = 0

        def tell(text: str) -> None:
            nonlocal due_ns
            if (now_ns := self._clock.monotonic_ns()) >= due_ns:
                due_ns = now_ns + round(DETAIL_EVERY_S * 1e9)
                self._tell(component, STARTING, text)

        return tell

    def _tell(self, component: Component, stage: str, detail: str = "") -> None:
        elapsed_s = (self._clock.monotonic_ns() - self._began_ns) / 1e9
        self._on_progress(Progress(component.name, stage, elapsed_s, detail))


@dataclass(frozen=True)
class _Ingredients:
    """Values that all components of one start share."""

    state: StateDir
    secrets: Secrets
    java: Java | None
    external: Mapping[ConnectionName, str]


def _raise_first(futures: Iterable[Future[None]]) -> None:
    for future in futures:
        if future.done():
            future.result()
