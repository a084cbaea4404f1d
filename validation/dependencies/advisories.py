"""Client of the OSV advisory database: which known vulnerabilities name a dependency.

One interface for Python packages, Java archives and servers: https://osv.dev.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final, TypeVar

import httpx
import msgspec

from system.errors import UnavailableError
from validation.dependencies.inventory import Dependency, Kind

SERVICE: Final = "https://api.osv.dev"
QUERIES_MAX: Final = 1_000
"""Of one request; the service's own limit."""
PAGES_MAX: Final = 20
ADVISORIES_MAX: Final = 1_000
CONNECT_BOUND_S: Final = 5.0
ANSWER_BOUND_S: Final = 30.0
SERVER_ECOSYSTEM: Final = "Bitnami"
"""The ecosystem in which the database names servers by name and version."""

T = TypeVar("T")


class AdvisoriesUnavailableError(UnavailableError):
    """The database does not answer, or not in its own format; names the address and the cause."""


class Advisory(msgspec.Struct, frozen=True, kw_only=True):
    """One published vulnerability."""

    id: str
    aliases: Annotated[tuple[str, ...], msgspec.Meta(max_length=100)] = ()
    summary: str = ""

    @property
    def names(self) -> frozenset[str]:
        """Every identifier of it."""
        return frozenset((self.id, *self.aliases))

    def __str__(self) -> str:
        cve = next((name for name in self.aliases if name.startswith("CVE-")), "")
        return f"{self.id} ({cve})" if cve else self.id


class _Match(msgspec.Struct):
    id: str


class _Result(msgspec.Struct):
    vulns: tuple[_Match, ...] = ()
    next_page_token: str = ""


class _Results(msgspec.Struct):
    results: tuple[_Result, ...]


def can_be_asked(dependency: Dependency) -> bool:
    """Return whether the database has names for a dependency of this kind."""
    return dependency.kind is not Kind.JAVA or bool(dependency.group)


class AdvisoryDatabase:
    """The database at one address.

    Parameters
    ----------
    service : str
        Its address; a mirror within a company has the same interface.
    transport : BaseTransport, optional
        Replaces the network in tests.
    """

    def __init__(
        self, service: str = SERVICE, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._service = service
        self._client = httpx.Client(
            base_url=service,
            timeout=httpx.Timeout(ANSWER_BOUND_S, connect=CONNECT_BOUND_S),
            transport=transport,
        )

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def advisories(
        self, dependencies: Sequence[Dependency]
    ) -> Mapping[Dependency, tuple[Advisory, ...]]:
        """Return the advisories of each dependency that has any.

        Parameters
        ----------
        dependencies : sequence of Dependency
            Those that ``can_be_asked``.

        Raises
        ------
        AdvisoriesUnavailableError
            If the database does not answer completely. There is no partial answer: what was
            not asked would look like what is clean.
        """
        matches: dict[Dependency, set[str]] = {}
        for start in range(0, len(dependencies), QUERIES_MAX):
            part = dependencies[start : start + QUERIES_MAX]
            for dependency, identifier in self._matches(part):
                matches.setdefault(dependency, set()).add(identifier)
        wanted = sorted({identifier for named in matches.values() for identifier in named})
        if len(wanted) > ADVISORIES_MAX:
            raise self._unusable(f"{len(wanted)} advisories, {ADVISORIES_MAX} at most are read")
        details = {identifier: self._advisory(identifier) for identifier in wanted}
        return {
            dependency: tuple(details[identifier] for identifier in sorted(identifiers))
            for dependency, identifiers in matches.items()
        }

    def _matches(self, dependencies: Sequence[Dependency]) -> Iterator[tuple[Dependency, str]]:
        waiting = [(dependency, "") for dependency in dependencies]
        for _ in range(PAGES_MAX):
            queries = [_query(dependency, token) for dependency, token in waiting]
            body = self._answer("POST", "/v1/querybatch", {"queries": queries})
            results = self._decoded(body, _Results).results
            if len(results) != len(waiting):
                raise self._unusable(f"{len(results)} results for {len(waiting)} questions")
            asked = list(zip(waiting, results, strict=True))
            for (dependency, _), result in asked:
                yield from ((dependency, match.id) for match in result.vulns)
            waiting = [(d, r.next_page_token) for (d, _), r in asked if r.next_page_token]
            if not waiting:
                return
        raise self._unusable(f"more than {PAGES_MAX} pages of results")

    def _advisory(self, identifier: str) -> Advisory:
        return self._decoded(self._answer("GET", f"/v1/vulns/{identifier}"), Advisory)

    def _answer(self, method: str, path: str, body: object = None) -> bytes:
        try:
            answer = self._client.request(method, path, json=body)
            answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            cause = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise AdvisoriesUnavailableError(f"{self._service} does not answer: {cause}") from error
        return answer.content

    def _decoded(self, body: bytes, wanted: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=wanted)
        except msgspec.DecodeError as error:
            raise self._unusable(f"another format than OSV's ({error})") from error

    def _unusable(self, cause: str) -> AdvisoriesUnavailableError:
        return AdvisoriesUnavailableError(f"{self._service} gave no usable answer: {cause}")


def _query(dependency: Dependency, page_token: str) -> dict[str, object]:
    if dependency.kind is Kind.SERVER:
        package = {"ecosystem": SERVER_ECOSYSTEM, "name": dependency.name}
        query: dict[str, object] = {"package": package, "version": dependency.version}
    else:
        query = {"package": {"purl": dependency.purl.to_string()}}
    return {**query, "page_token": page_token} if page_token else query
