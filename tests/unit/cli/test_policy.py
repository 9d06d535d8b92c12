from typing import Any

import pytest


@pytest.fixture
def moved(cli: Any, upstream: Any) -> None:
    """acme/lib, whose tag v1.0.0 has moved since its import."""
    cli.ok("repository", "add", "main")
    cli.ok("source", "add", "git", "--provider", "git")
    where = ("--repository", "", "--source", "git")
    cli.ok("package", "add", *where, str(upstream.path), "--wait")
    (upstream.path / "new").write_text("new")
    upstream.git("add", ".")
    upstream.git("commit", "--quiet", "-m", "new")
    upstream.git("tag", "--force", "v1.0.0")
    cli.ok("package", "sync", "acme/lib", "--wait")


@pytest.mark.usefixtures("moved")
def test_a_held_tag_is_listed_and_accepted(cli: Any) -> None:
    (tag,) = cli.json("package", "held", "acme/lib")
    assert cli.json("package", "show", "acme/lib")["held"] == [tag]
    assert tag["held"][:12] in cli.ok("package", "held")
    cli.ok("package", "accept", "acme/lib", "v1.0.0", "--commit", tag["held"][:7], "--wait")
    versions = cli.json("package", "show", "acme/lib")["version_list"]
    (version,) = (each for each in versions if each["version"] == "v1.0.0")
    assert version["reference"] == tag["held"]
    assert cli.json("package", "held") == []


@pytest.mark.usefixtures("moved")
def test_a_refused_tag_is_listed_no_more(cli: Any) -> None:
    cli.ok("package", "refuse", "acme/lib", "v1.0.0")
    assert cli.json("package", "held") == []
    assert "was refused already" in cli.fails("package", "refuse", "acme/lib", "v1.0.0")


@pytest.mark.usefixtures("moved")
def test_a_package_that_follows_from_now_on_takes_what_was_held(cli: Any) -> None:
    (tag,) = cli.json("package", "held")
    cli.ok("package", "edit", "acme/lib", "--tag-policy", "follow")
    cli.ok("package", "sync", "acme/lib", "--wait")
    versions = cli.json("package", "show", "acme/lib")["version_list"]
    assert tag["held"] in {each["reference"] for each in versions if each["version"] == "v1.0.0"}


@pytest.mark.usefixtures("moved")
def test_all_held_tags_are_accepted_at_once(cli: Any) -> None:
    cli.ok("package", "accept", "acme/lib", "--all", "--wait")
    assert cli.json("package", "held") == []
