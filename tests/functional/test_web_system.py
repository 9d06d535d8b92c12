"""Plugins, settings and the doctor in the web admin."""

from base64 import b64encode
from typing import Any

import pytest
from pydantic import SecretStr

from packistry.models import Source
from packistry.runtime import Runtime
from packistry.services.doctor import Finding, Level, examine
from packistry.services.plugins import Failure, Plugins, Unknown
from packistry.settings import Settings
from tests.functional.browser import Browser, person

pytestmark = pytest.mark.any_database

KEY = b64encode(b"k" * 32).decode()
HOSTILE = "\"'><img src=x onerror=alert(1)>{{7777*7777}}"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"secret_key": SecretStr(KEY)})


@pytest.fixture
def admin(runtime: Runtime, application: Any) -> Browser:
    return person(runtime, application, "admin@x.org", admin=True)


def rows(page: Any) -> dict[str, str]:
    """The rows of the page's table, by their first word."""
    texts = [row.get_text(" ", strip=True) for row in page.html.select("tbody tr")]
    return {text.partition(" ")[0]: " ".join(text.split()) for text in texts}


def test_plugins_are_shown_with_what_they_offer_and_what_was_left_out(admin, runtime, monkeypatch):
    with runtime.transaction() as services:
        services.session.add(Source(name="Host", provider="git"))
    lost = Failure(plugin="acme-git", distribution="acme", version="1.2", error=HOSTILE)
    monkeypatch.setattr(Plugins, "failures", (lost,))
    page = admin.get("/admin/plugins")
    assert "<img" not in page.text
    assert "acme-git 1.2" in page.text
    ours = rows(page)["builtin"]
    assert "Packages from" in ours
    assert "1 source" in ours
    assert "All dists" in ours


def test_a_mistyped_name_of_a_plugin_is_shown_with_those_there_are(admin, monkeypatch):
    wrong = Unknown(setting="PACKISTRY_DISABLED_PLUGINS", name=HOSTILE, known=("builtin", "forge"))
    monkeypatch.setattr(Plugins, "unknown", (wrong,))
    page = admin.get("/admin/plugins")
    assert "<img" not in page.text
    assert "no plugin is called so. There are: builtin, forge." in page.text


def test_settings_say_where_they_come_from_and_show_no_secret(admin, monkeypatch, tmp_path):
    config = tmp_path / "packistry.toml"
    config.write_text("max_refs = 20000")
    monkeypatch.setenv("PACKISTRY_CONFIG", str(config))
    monkeypatch.setenv("PACKISTRY_GIT_TIMEOUT", "1800")
    page = admin.get("/admin/settings")
    shown = rows(page)
    assert KEY not in page.text
    assert shown["PACKISTRY_SECRET_KEY"].split(" Comma")[0].endswith("Set, not shown")
    assert shown["PACKISTRY_URL"].startswith("PACKISTRY_URL http://packages.test Public base URL")
    origins = {name: row.rpartition(". ")[2] for name, row in shown.items()}
    assert origins["PACKISTRY_URL"] == "Set at the start"
    assert origins["PACKISTRY_MAX_REFS"] == "Settings file"
    assert origins["PACKISTRY_GIT_TIMEOUT"].endswith("Environment")
    assert origins["PACKISTRY_THREADS"] == "Default"


def test_the_doctor_is_asked_outside_of_a_transaction_and_tells_the_remedy(
    admin, runtime, monkeypatch
):
    def check(patient: Any) -> Any:
        with patient.engine.begin() as connection:
            # Nobody else is writing, or SQLite would make us wait here.
            connection.exec_driver_sql("UPDATE users SET name = 'Examined'")
        yield Finding(level=Level.OK, title="This is fine.")
        yield Finding(level=Level.ERROR, title=HOSTILE, remedy="Mend it.")

    monkeypatch.setattr("packistry.web.admin.system.examine", lambda it: examine(it, (check,)))
    page = admin.submit(admin.get("/admin/settings"), status=200)
    found = [each.get_text() for each in page.html.select(".attention h3")]
    assert found == [HOSTILE, "In order"]
    assert "1 thing needs somebody" in page.text
    assert "Mend it." in page.text
    assert "<img" not in page.text
    assert "Examined" in admin.get("/").html.select_one(".you").get_text()


def test_the_doctor_finds_a_sound_installation_in_order(admin):
    page = admin.submit(admin.get("/admin/settings"), status=200)
    in_order = page.html.select(".attention > li")[-1].get_text(" ")
    assert " loaded." in in_order
    assert "The clock is plausible" in in_order
