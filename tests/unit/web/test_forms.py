"""Forms that are made from a plugin's Config: what it declares is what is asked for."""

from typing import Any, Literal

import pytest
from bs4 import BeautifulSoup
from pydantic import Field, SecretStr
from pyramid.config import Configurator
from webob.multidict import MultiDict

from packistry.plugin import Config, load_config
from packistry.plugin.config import MULTILINE
from packistry.web import forms
from packistry.web.forms import Form, config_defaults, config_form, config_values

SECRET = "glpat-canary"
HOSTILE = "\"'><img src=x>"


class Host(Config):
    """One field of each kind."""

    url: str = Field("https://git.example", title="Address", description="Where it answers.")
    token: SecretStr = Field(title="Token")
    key: SecretStr = Field(SecretStr(""), title="Key", json_schema_extra=MULTILINE)
    owners: tuple[str, ...] = Field((), title="Owners")
    depth: int = Field(3, title="Depth")
    archived: bool = Field(True, title="With archived ones")
    order: Literal["name", "age"] = Field("name", title="Order")


@pytest.fixture
def show() -> Any:
    """The fields as a page shows them, parsed."""
    config = Configurator()
    config.include("packistry.web.pages")
    template = config.get_jinja2_environment().from_string("{{ ui.config_fields(form, fields) }}")

    def shown(entered: Any = None, faults: Any = None, kept: Any = ()) -> Any:
        stored = {"url": HOSTILE, "owners": ["a", "b"]}
        form = Form(config_defaults(Host, stored), entered, faults or {})
        text = template.render(form=form, fields=config_form(Host, kept=kept))
        return BeautifulSoup(text, "html.parser")

    return shown


def test_each_field_has_its_words_its_help_and_what_is_stored(show):
    page = show()
    url = page.find(id="f-config.url")
    assert url["value"] == HOSTILE
    assert page.find("label", attrs={"for": "f-config.url"}).get_text().startswith("Address")
    assert page.find(id=url["aria-describedby"]).get_text() == "Where it answers."
    assert page.find(id="f-config.owners").get_text().strip() == "a\nb"
    assert page.find(id="f-config.depth")["type"] == "number"
    assert page.find(id="f-config.archived").has_attr("checked")
    assert page.find("input", attrs={"name": "config.order", "checked": True})["value"] == "name"


def test_a_secret_is_never_shown_and_says_when_one_is_kept(show):
    entered = MultiDict({"config.token": SECRET, "config.key": SECRET})
    page = show(entered=entered, kept={"token", "key"})
    assert SECRET not in str(page)
    assert "kept unless you enter another" in page.find(id="h-config.token").get_text()
    assert not page.find(id="f-config.token").has_attr("required")
    assert show().find(id="f-config.token").has_attr("required")
    assert page.find("input", attrs={"name": "clear.key"})


def test_what_was_wrong_stands_beside_its_field(show):
    page = show(entered=MultiDict(), faults=forms.config_faults({"token": "It is refused."}))
    token = page.find(id="f-config.token")
    assert token["aria-invalid"] == "true"
    assert page.find(id="w-config.token").get_text() == "It is refused."


def test_what_is_entered_makes_the_configuration():
    entered = MultiDict(
        {
            "config.url": "https://x.example",
            "config.token": SECRET,
            "config.key": "",
            "config.owners": "a\r\nb\r\n",
            "config.depth": "5",
            "config.order": "age",
        }
    )
    made = load_config(Host, config_values(Host, entered))
    assert (made.owners, made.depth, made.archived, made.order) == (("a", "b"), 5, False, "age")
    assert made.token.get_secret_value() == SECRET


def test_a_blank_secret_is_left_out_and_a_ticked_one_forgotten():
    entered = MultiDict({"config.token": "", "clear.key": "yes"})
    assert "token" not in config_values(Host, entered)
    assert forms.config_cleared(Host, entered) == {"key"}
