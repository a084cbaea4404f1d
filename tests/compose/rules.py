"""The house rules of the Compose file: each returns what breaks it, empty if nothing does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

ONE_SHOT = "no"
SECRET_WORDS = ("PASSWORD", "SECRET", "TOKEN", "DATABASE_URL", "REDIS_URL")
Compose = dict[str, Any]
Rule = Callable[[Compose], Iterator[str]]


def ports_on_loopback(compose: Compose) -> Iterator[str]:
    """Every published port names 127.0.0.1."""
    for name, service in compose["services"].items():
        for port in service.get("ports", ()):
            if not (isinstance(port, str) and port.startswith("127.0.0.1:")):
                yield f"{name} publishes {port} on more than 127.0.0.1"


def nothing_shares_the_hosts_network(compose: Compose) -> Iterator[str]:
    """No service goes around the rule on ports."""
    for name, service in compose["services"].items():
        if "network_mode" in service:
            yield f"{name} has network_mode {service['network_mode']}"


def tags_pinned(compose: Compose) -> Iterator[str]:
    """Every image that is pulled has a tag that is a version; ours is of the checkout."""
    for name, service in compose["services"].items():
        is_pulled = service.get("pull_policy") != "never"
        _, _, tag = service["image"].rpartition("/")[-1].partition(":")
        if is_pulled and not tag[:1].isdigit():
            yield f"{name} runs {service['image']}: no version"


def digest_taken(compose: Compose) -> Iterator[str]:
    """Every image that is pulled takes a digest from a variable, one for each image."""
    for name, service in compose["services"].items():
        is_pulled = service.get("pull_policy") != "never"
        if is_pulled and not service["image"].endswith("_DIGEST:-}"):
            yield f"{name} runs {service['image']}: it cannot be pinned by digest"


def health_checked(compose: Compose) -> Iterator[str]:
    """Every service says when it is well, unless it runs once and ends."""
    for name, service in compose["services"].items():
        if "healthcheck" not in service and service["restart"] != ONE_SHOT:
            yield f"{name} has no healthcheck"
        if service.get("healthcheck", {}).get("disable"):
            yield f"{name} disables its healthcheck"


def restarted(compose: Compose) -> Iterator[str]:
    """A service comes back by itself; one that runs once hides behind a profile."""
    for name, service in compose["services"].items():
        if service["restart"] == ONE_SHOT and not service.get("profiles"):
            yield f"{name} runs once and has no profile"
        if service["restart"] not in {ONE_SHOT, "unless-stopped"}:
            yield f"{name} restarts {service['restart']}"


def waits_for_health(compose: Compose) -> Iterator[str]:
    """A service starts after what it needs answers."""
    for name, service in compose["services"].items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] != "service_healthy" or other not in compose["services"]:
                yield f"{name} does not wait for a healthy {other}"


def no_inline_secrets(compose: Compose) -> Iterator[str]:
    """Secrets are files, and those given to a service are declared."""
    for name, service in compose["services"].items():
        for variable in service.get("environment", {}):
            if any(word in variable for word in SECRET_WORDS) and not _names_files(variable):
                yield f"{name} has {variable} in its environment"
        for grant in service.get("secrets", ()):
            source = grant if isinstance(grant, str) else grant["source"]
            if source not in compose["secrets"]:
                yield f"{name} is given an unknown secret {source}"
    for secret, place in compose["secrets"].items():
        if set(place) != {"file"} or not place["file"].startswith("./secrets/"):
            yield f"secret {secret} is not a file in ./secrets"


def bounded(compose: Compose) -> Iterator[str]:
    """Memory, processes and logs of every service have a bound."""
    for name, service in compose["services"].items():
        limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
        for bound in ("memory", "pids"):
            if bound not in limits:
                yield f"{name} has no limit of {bound}"
        if not {"max-size", "max-file"} <= set(service.get("logging", {}).get("options", {})):
            yield f"{name} has no limit of its log"


def few_rights(compose: Compose) -> Iterator[str]:
    """No service keeps rights that it does not need."""
    for name, service in compose["services"].items():
        if service.get("privileged") or service.get("cap_drop") != ["ALL"]:
            yield f"{name} keeps capabilities"
        if "no-new-privileges:true" not in service.get("security_opt", ()):
            yield f"{name} may gain privileges"
        ours = service["image"].startswith("riskstream")
        if ours and not service.get("read_only"):
            yield f"{name} can write to its image"
        if ours and service.get("user", "").startswith(("0", "root")):
            yield f"{name} runs as root"


def data_kept_inside(compose: Compose) -> Iterator[str]:
    """Services that hold data cannot be reached from, nor reach, the outside."""
    if not compose["networks"]["inside"].get("internal"):
        yield "the inside network has a way out"
    for name, service in compose["services"].items():
        if "outside" in service["networks"] and name not in {"api", "dashboard"}:
            yield f"{name} is on the outside network"


RULES: tuple[Rule, ...] = (
    ports_on_loopback,
    nothing_shares_the_hosts_network,
    tags_pinned,
    digest_taken,
    health_checked,
    restarted,
    waits_for_health,
    no_inline_secrets,
    bounded,
    few_rights,
    data_kept_inside,
)


def _names_files(variable: str) -> bool:
    return variable.endswith(("_FILE", "_DIR"))
