from typing import Any

import pytest

from tests import crowded, faulty

WHERE = ("--source", "crowd", "--repository", "")


@pytest.fixture(autouse=True)
def crowd(cli: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A source that lists acme/one and acme/web, which has no composer.json."""
    crowd = crowded.Crowd()
    monkeypatch.setattr(crowded, "CROWD", crowd)
    monkeypatch.setattr("packistry.services.plugins.entry_points", lambda **_: crowded.POINTS)
    cli.ok("repository", "add", "main")
    cli.ok("source", "add", "crowd", "--provider", "crowded")
    crowd.library("1", "acme/one")
    crowd.add("2", "acme/web", pushed="monday")
    faulty.HOSTS["2"].refs["main"] = {"index.html": b"<p>"}
    yield crowd
    for each in crowd.projects:
        faulty.HOSTS.pop(each.id, None)


def test_all_projects_are_added_with_a_verdict_for_each(cli: Any, crowd: Any) -> None:
    result = cli("package", "add", "--all", *WHERE, "--wait")
    assert result.exit_code == 0, result.output
    assert "acme/one: 1 imported" in result.stdout
    assert "acme/web: no package. The branch main has no composer.json." in result.stdout
    assert [each["name"] for each in cli.json("package", "list")] == ["acme/one"]
    assert [each["project"] for each in cli.json("source", "passed", "crowd")] == ["acme/web"]
    again = cli("package", "add", "--all", *WHERE, "--match", "ACME/O*")
    assert "Of 2 projects 0 are looked into; 1 are here already; 1 fit no pattern." in again.stderr


def test_a_source_adds_by_itself_what_it_is_told_to(cli: Any) -> None:
    assert "into which repository" in cli.fails("source", "edit", "crowd", "--auto-import", "*")
    cli.ok("source", "edit", "crowd", "--auto-import", "acme/*", "--into", "")
    (facts,) = cli.json("source", "list")
    assert facts["auto_import"]["patterns"] == ["acme/*"]
    cli.ok("source", "edit", "crowd", "--no-auto-import")
    assert cli.json("source", "list")[0]["auto_import"] is None


def test_a_source_whose_credentials_reach_nothing_says_so(cli: Any, crowd: Any) -> None:
    crowd.projects.clear()
    assert "its credentials reach" in cli.fails("package", "add", "--all", *WHERE)


@pytest.mark.parametrize(
    "asked",
    [
        ["source", "projects", "plain"],
        ["source", "edit", "plain", "--auto-import", "*", "--into", ""],
        ["package", "add", "--all", "--source", "plain", "--repository", ""],
    ],
    ids=" ".join,
)
def test_a_source_that_lists_no_projects_says_to_name_them(cli: Any, asked: list[str]) -> None:
    cli.ok("source", "add", "plain", "--provider", "git")
    assert "lists no projects: name each of them" in cli.fails(*asked)


@pytest.mark.parametrize(
    "wrong", [["--all", "x"], ["--match", "x", "y"], ["--all", "--subdirectory", "a"], []]
)
def test_what_to_add_must_be_clear(cli: Any, wrong: list[str]) -> None:
    cli.fails("package", "add", *WHERE, *wrong, code=2)
