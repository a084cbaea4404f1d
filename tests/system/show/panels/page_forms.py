"""Forms of the page, filled in and sent to an API that keeps what it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from streamlit.testing.v1 import AppTest

from tests.system.show.panels.test_stress_panel import plain
from tests.system.show.test_page import page_run

TOKEN = "t" * 16


class Api:
    """In place of the client: keeps what is asked, and gives one answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.answer: Any = None

    def __call__(self, url: str, token: str) -> Self:
        assert (url, token) == ("http://api", TOKEN)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*arguments: Any, **_named: Any) -> Any:
            self.asked.append((name, *arguments))
            return self.answer

        return ask


def page_of(portfolio: str = "long-short", *, screen: str = "") -> AppTest:
    page = page_run(screen, portfolio=portfolio)
    assert not page.exception
    return page


def clicked(page: AppTest, label: str) -> AppTest:
    page = next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    return page


def pressed(page: AppTest, label: str) -> AppTest:
    page = clicked(page, label)
    assert len(page.error) == 0
    return page


def field(widgets: Any, label: str) -> Any:
    return next(widget for widget in widgets if widget.label == label)


def said(page: AppTest) -> str:
    return plain(" ".join(markdown.value for markdown in page.markdown))
