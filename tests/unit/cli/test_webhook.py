import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from packistry import plugin
from packistry.runtime import Runtime
from packistry.settings import Settings
from tests import faulty
from tests.hooked import POINTS, PROVIDER, Host
from tests.unit.cli.conftest import Command


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, cli: Command) -> Iterator[Host]:
    """A host of the provider `hooked`, whose plugin is installed, and a source for it."""
    monkeypatch.setattr("packistry.services.plugins.entry_points", lambda **_: POINTS)
    host = Host()
    host.push("1.0.0", {"name": "acme/lib"})
    faulty.HOSTS["7"] = host
    cli.ok("repository", "add", "main")
    cli.ok("source", "add", "hosted", "--provider", PROVIDER)
    yield host
    del faulty.HOSTS["7"]


def add(cli: Command, *options: str) -> str:
    return cli.ok("package", "add", "--repository", "", "--source", "hosted", *options, "7")


def test_adding_and_waiting_makes_the_webhook(cli: Command, host: Host) -> None:
    add(cli, "--wait")
    ((url, _),) = host.hooks.values()
    assert url.startswith("https://packages.test/incoming/hooked/")
    shown = cli.json("package", "show", "acme/lib")["webhook"]
    assert (shown["state"], shown["url"]) == ("active", url)


def test_the_hosts_words_are_told_and_the_package_is_there(cli: Command, host: Host) -> None:
    def refuse() -> None:
        raise plugin.CredentialsError("The token lacks the scope admin:repo_hook.")

    host.on_create = refuse
    result = cli("package", "add", "--repository", "", "--source", "hosted", "--wait", "7")
    assert result.exit_code == 0
    assert "lacks the scope admin:repo_hook" in result.stderr
    assert "broken: The token lacks" in cli.ok("package", "show", "acme/lib")


def test_one_may_be_unwanted(cli: Command, host: Host) -> None:
    add(cli, "--no-webhook", "--wait")
    assert host.hooks == {}
    assert cli.json("package", "show", "acme/lib")["webhook"]["reason"] == "None was asked for."


def test_an_archived_project_is_imported_without_and_that_is_said(cli: Command, host: Host) -> None:
    host.archived = True
    result = cli("package", "add", "--repository", "", "--source", "hosted", "7")
    assert "is archived" in result.stderr


@pytest.mark.parametrize("which", [["acme/lib"], ["--all"]])
def test_a_repair_makes_it_anew(cli: Command, host: Host, which: list[str]) -> None:
    add(cli, "--wait")
    before = dict(host.hooks)
    said = cli.ok("package", "sync", *which, "--repair-webhook", "--wait")
    assert "the webhook is active" in said
    assert host.hooks != before
    assert len(host.hooks) == 1


def test_a_repair_that_fails_is_exit_code_1(cli: Command, host: Host) -> None:
    def refuse() -> None:
        raise plugin.Rejected("The URL is blocked.")

    add(cli, "--wait")
    host.on_create = refuse
    result = cli("package", "sync", "acme/lib", "--repair-webhook", "--wait")
    assert result.exit_code == 1
    assert "The URL is blocked." in result.output


def test_deliveries_are_listed_and_worked_again(
    cli: Command, host: Host, settings: Settings
) -> None:
    add(cli, "--wait")
    runtime = Runtime(settings)
    with runtime.transaction() as services:
        package = services.packages.get("acme/lib")
        assert package.project is not None
        services.deliveries.note(
            package.project.source_id,
            "refused",  # type: ignore[arg-type]
            "It is not signed.",
            project_id=package.project_id,
        )
    runtime.close()
    (row,) = cli.json("package", "deliveries", "acme/lib")
    assert (row["verdict"], row["reason"]) == ("refused", "It is not signed.")
    assert "It is not signed." in cli.ok("source", "deliveries", "hosted")
    again = cli("package", "deliveries", "acme/lib", "--retry", str(row["id"]))
    assert "is under way" in again.stderr
    assert "no delivery number 99" in cli.fails("package", "deliveries", "acme/lib", "--retry=99")


def test_a_webhook_secret_comes_from_a_file_and_is_not_shown(
    cli: Command, host: Host, tmp_path: Path
) -> None:
    file = tmp_path / "secret.txt"
    file.write_text("canary of the source\n")
    typed = cli("source", "edit", "hosted", "--webhook-secret", "canary of the source")
    assert typed.exit_code == 2
    cli.ok("source", "edit", "hosted", f"--webhook-secret=@{file}")
    (row,) = cli.json("source", "list")
    assert row["has_webhook_secret"]
    assert "canary" not in json.dumps(row)
    cli.ok("source", "edit", "hosted", "--forget-webhook-secret")
    assert not cli.json("source", "list")[0]["has_webhook_secret"]


def test_doctor_tells_of_webhooks_that_are_broken_or_lead_elsewhere(
    cli: Command, host: Host
) -> None:
    def findings() -> str:
        return cli("doctor").output

    add(cli, "--wait")
    assert "Every webhook was in order" in findings()
    cli.environment["PACKISTRY_URL"] = "https://new.test"
    assert "leads to another address than PACKISTRY_URL" in findings()
    host.hooks.clear()

    def refuse() -> None:
        raise plugin.CredentialsError("The token has expired.")

    host.on_create = refuse
    cli("package", "sync", "acme/lib", "--repair-webhook")
    assert "is broken: The token has expired." in findings()
