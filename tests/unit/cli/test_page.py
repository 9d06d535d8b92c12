"""docs/cli.md against the commands as they are."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from packistry.cli import main

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
SECTIONS = dict(re.findall(r"(?ms)^### `(.*?)`\n(.*?)(?=^##|\Z)", PAGE))


def walk(command: Any, words: Any) -> Any:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from walk(command.get_command(context, name), [*words, name])
    else:
        yield " ".join(words), command


COMMANDS = dict(walk(main, ["packistry"]))


def section(name: Any) -> Any:
    """What the page has about a command: its arguments and its text."""
    for heading, text in SECTIONS.items():
        if heading == name or re.match(rf"{re.escape(name)} [^a-z]", heading):
            return heading, text
    pytest.fail(f"docs/cli.md has nothing about `{name}`")


def test_the_page_has_no_command_that_is_not_there():
    known = {re.sub(r" [^a-z].*", "", heading) for heading in SECTIONS}
    assert known == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_has_every_option_and_no_other(name):
    _, text = section(name)
    rows = re.findall(r"^\| (`--.*?) \|", text, re.MULTILINE)
    written = {option for row in rows for option in re.findall(r"`(--[a-z-]+)`", row)}
    options = (each for each in COMMANDS[name].params if isinstance(each, click.Option))
    assert written == {flag for each in options for flag in (*each.opts, *each.secondary_opts)}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_says_what_it_is_for(name):
    command = COMMANDS[name]
    _, text = section(name)
    assert command.help
    for each in command.params:
        if isinstance(each, click.Option):
            assert each.help
            assert each.help.replace("|", "\\|") in text


def test_the_overview_has_the_first_sentence_of_each_command_without_loading_any():
    line = [sys.executable, "-X", "importtime", "-m", "packistry", "--help"]
    said = subprocess.run(line, capture_output=True, check=True, text=True)
    told = " ".join(said.stdout.split())
    for name in main.list_commands(context := click.Context(main)):
        command = main.get_command(context, name)
        assert command is not None
        assert f" {name} {command.get_short_help_str(200)}" in told
    assert "sqlalchemy" not in said.stderr


@pytest.mark.parametrize(
    "line",
    [
        "serve --listen --processes",
        "worker",
        "migrate",
        "doctor",
        "plugins",
        "gc",
        "repository add --path --public --reserve --description",
        "repository list",
        "repository edit",
        "repository remove --yes",
        "source add --provider --set --dists",
        "source list",
        "source edit",
        "source check",
        "source projects",
        "source remove --yes",
        "package add --repository --source --subdirectory --dists --wait",
        "package list",
        "package show",
        "package sync --all --wait",
        "package remove --yes",
        "user add --name --role --password-stdin",
        "user list",
        "user edit",
        "user reset-password",
        "user remove --yes",
        "grant --user --token --repository --package --in --read --write",
        "revoke --user --token --repository --package --in --read --write",
        "token add --deploy --user --repository --package --write --api --read --expires",
        "token list",
        "token revoke",
    ],
)
def test_scripts_find_the_commands_and_options_they_know(line):
    words = line.split()
    name = " ".join(["packistry", *(each for each in words if not each.startswith("--"))])
    flags = {flag for each in COMMANDS[name].params for flag in each.opts}
    assert {each for each in words if each.startswith("--")} <= flags


@pytest.mark.parametrize(
    "name", [each for each in COMMANDS if each.split()[-1] in ("list", "show", "add", "projects")]
)
def test_every_list_show_and_add_gives_json(name):
    assert "--json" in {flag for each in COMMANDS[name].params for flag in each.opts}
