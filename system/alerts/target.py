"""Receiver of alerts: its address, the form of a body, and the secrets, checked before any work."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from system.alerts.signatures import kept_secret
from system.errors import InputError
from system.settings import AlertFormat, Settings


class AlertTargetError(InputError):
    """The address or the format of alerts is not complete; the address is not shown."""


@dataclass(frozen=True)
class Target:
    """Receiver of alerts.

    Parameters
    ----------
    url : str
        Address; never printed.
    form : str
        Of the body.
    secret : bytes
        Key of the signature.
    routing_key : str
        PagerDuty's integration key.
    """

    url: str = field(repr=False)
    form: AlertFormat = "json"
    secret: bytes = field(default=b"", repr=False)
    routing_key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse an address that is none, and PagerDuty without its key.

        Raises
        ------
        AlertTargetError
            If no notice could be sent.
        """
        try:
            url = httpx.URL(self.url)
        except httpx.InvalidURL:
            raise AlertTargetError("RISKSTREAM_ALERTS_URL is no address") from None
        if url.scheme not in {"http", "https"} or not url.host:
            raise AlertTargetError(
                f"RISKSTREAM_ALERTS_URL has scheme {url.scheme!r}; it must be https://... or "
                "http://..."
            )
        if url.userinfo or url.fragment:
            raise AlertTargetError(
                "RISKSTREAM_ALERTS_URL holds a user, a password or a fragment; leave them out"
            )
        if self.form == "pagerduty" and not self.routing_key:
            raise AlertTargetError(
                "RISKSTREAM_ALERTS_ROUTING_KEY is not set; the format pagerduty needs the "
                "integration key of a service"
            )


def target_of(settings: Settings) -> Target:
    """Return the receiver that the settings name; the signing secret is made where there is none.

    Raises
    ------
    AlertTargetError
        If there is no address, or it is not complete.
    AlertSecretError
        If the file of the secret is not private, or holds none.
    """
    connections = settings.connections()
    url = connections.get("alerts_url")
    if not url:
        raise AlertTargetError(
            "RISKSTREAM_ALERTS_URL is not set: name the address that alerts are posted to, "
            "https://..."
        )
    path = settings.alerts_secret_path
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Target(
        url,
        settings.alerts_format,
        kept_secret(path),
        connections.get("alerts_routing_key") or "",
    )
