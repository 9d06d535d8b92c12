"""Whatever is entered into any form of any page is answered, and what is wrong is said beside it.

Forms and addresses are found on the pages themselves: one that is added is tried without being
named.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any
from urllib.parse import urlencode

import pytest
from bs4 import Tag

from packistry.web.admin import PAGES
from tests.functional.browser import Browser, person
from tests.functional.test_web_matrix import Place

HOSTILE = (
    "",
    " \t ",
    "x" * 40_000,
    "ä" * 256,
    "a\x01\x1b[31m\u202e\u0085\u2028b",
    "🧨👩‍👩‍👧𝔸",
    "9" * 30,
    "-1",
    "²٣",
    "\"'><script>alert(1)</script>{{7*7}}",
    "a\r\nSet-Cookie: b",
    "../../etc/passwd",
    "a\0b",
    "http://[::1",
    "%s%n%00\\",
)
EVERYWHERE = HOSTILE[0], HOSTILE[2], HOSTILE[4], HOSTILE[5]
IN_ADDRESSES = HOSTILE[5], HOSTILE[6]
# What is asked of pages that show more of themselves then.
ASKED = {
    "source-add": "?provider=gitlab",
    "token-add": "?kind=personal",
    "packages-abandon": "?package={package}",
    "packages-remove": "?package={package}",
}
OF_LISTS = ("q", "page", "sort", "before", "days", "with", "next", "since", "state", "part")
Forms = dict[tuple[str, tuple[str, ...]], dict[str, str]]


@pytest.fixture
def place(runtime: Any, application: Any) -> Place:
    return Place(runtime, application, 0)


def fields_of(form: Tag) -> dict[str, str]:
    """What a browser would send, and its buttons."""
    found: dict[str, str] = {}
    for field in form.select("input, select, textarea, button"):
        name, value = str(field.get("name") or ""), str(field.get("value") or "")
        if field.name == "select":
            chosen = field.select_one("option[selected]") or field.select_one("option")
            value = str(chosen.get("value", "")) if chosen else ""
        elif field.name == "textarea":
            value = field.get_text()
        unticked = field.get("type") in ("radio", "checkbox") and not field.has_attr("checked")
        if name not in ("", "csrf") and not (unticked and name in found):
            found[name] = value
    return found


def shown(place: Place, browser: Browser) -> Iterator[tuple[str, Tag]]:
    """Every page that somebody sees, by its address."""
    for page in PAGES:
        if page.show is not None and page.template:
            asked = ASKED.get(page.name, "").format(**place.numbers)
            for path in {place.path(page), place.path(page) + asked}:
                answer = browser.get(path, status="*")
                if answer.status_int == 200:
                    yield path, answer.html


def forms_of(place: Place, browser: Browser) -> tuple[Forms, Mapping[str, set[str]]]:
    """The forms that are posted, and by address what may be asked of it."""
    posted: Forms = {}
    asked: dict[str, set[str]] = {}
    for path, html in shown(place, browser):
        asked.setdefault(path.partition("?")[0], set(OF_LISTS))
        for form in html.select("form"):
            action, fields = str(form.get("action") or path), fields_of(form)
            if form.get("method") == "post":
                posted[action, tuple(sorted(fields))] = fields
            else:
                asked.setdefault(action, set()).update(fields)
    return {key: fields for key, fields in posted.items() if fields}, asked


def wrong_with(answer: Any) -> str:
    """What is wrong with an answer itself; "" for nothing."""
    if answer.status_int >= 500:
        return str(answer.status)
    if answer.status_int != 422:
        return ""
    alert = re.search(r'role="alert".*?</div>|<h1>.*?</p>', answer.text, re.DOTALL)
    if alert is None:
        return "It does not say what is wrong"
    lost = [
        field
        for field in re.findall(r'href="#(f-[^"]*)"', alert[0])
        if f'id="{field}"' not in answer.text
    ]
    return f"It leads to a field that is not there: {lost}" if lost else ""


def sent_to(browser: Browser, posted: Forms) -> Iterator[tuple[Any, dict[str, str]]]:
    """Each form with one value in all of its fields, and with one field that is hostile."""
    values = cycle(HOSTILE)
    for (action, _), fields in posted.items():
        for value in EVERYWHERE:
            yield action, dict.fromkeys(fields, value)
        for name in fields:
            yield action, {**fields, name: next(values)}


def test_no_form_of_a_page_is_beaten_by_what_is_entered(place, runtime, application):
    admin = place.people["admin"]
    posted, asked = forms_of(place, admin)
    assert len(posted) > 25
    found = {}
    for action, fields in sent_to(admin, posted):
        answer = admin.app.post(action, {"csrf": admin.csrf, **fields}, status="*")
        if wrong := wrong_with(answer):
            found[action, str(fields)[:300]] = wrong
        if "/login" in answer.headers.get("Location", ""):
            admin = person(runtime, application, "admin@x.org", admin=True)
    for path, names in asked.items():
        for value in IN_ADDRESSES:
            query = urlencode(dict.fromkeys(names, value))
            if wrong := wrong_with(admin.get(f"{path}?{query}", status="*")):
                found[path, query[:300]] = wrong
    assert found == {}
