"""Middleware of the dashboard: host check, security headers, and the browser's cookie."""

from __future__ import annotations

from typing import Final

from starlette.middleware import Middleware

from system.settings import Settings
from system.show.server.browsers import BrowserCookie
from system.web.headers import SecurityHeaders
from system.web.hosts import HostCheck

PAGE_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        # Streamlit's page has a script of its own, and imports that of a component from a blob.
        "script-src 'self' 'unsafe-inline' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-src 'none'",
        "frame-ancestors 'none'",
    )
)
"""Everything is loaded from the dashboard itself; no other page may show it in a frame."""


def middleware(settings: Settings) -> list[Middleware]:
    """Return the middleware of the dashboard, outermost first."""
    return [
        Middleware(SecurityHeaders, policy=PAGE_POLICY),
        Middleware(HostCheck, hosts=settings.allowed_hosts),
        Middleware(BrowserCookie),
    ]
