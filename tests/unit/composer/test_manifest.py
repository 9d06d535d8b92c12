import time
from datetime import UTC, datetime
from typing import Any

import pytest

from packistry.composer.manifest import BadManifest, Manifest, check
from packistry.composer.versions import SkippedRef, version_of_tag


def metadata(**raw: Any) -> dict[str, Any]:
    return dict(check(raw).metadata)


def refused(raw, **options) -> str:
    with pytest.raises(BadManifest) as caught:
        check(raw, **options)
    return caught.value.reason


def left_out(raw) -> Manifest:
    manifest = check(raw)
    assert manifest.notices
    return manifest


def test_a_full_manifest_keeps_what_clients_need():
    raw = {
        "name": "acme/lib",
        "description": "A library",
        "keywords": ["one", "two"],
        "homepage": "https://acme.example/",
        "license": ["MIT", "GPL-2.0-only"],
        "authors": [
            {"name": "Ann", "email": "ann@acme.example", "homepage": "http://a.b", "role": "Boss"}
        ],
        "type": "symfony-bundle",
        "support": {"email": "help@acme.example", "irc": "irc://irc.example/acme"},
        "php-ext": {"extension-name": "x"},
        "funding": [{"type": "github", "url": "https://github.com/sponsors/ann"}],
        "autoload": {"psr-4": {"Acme\\": ["src", "lib"], "": ""}, "files": ["a.php"]},
        "extra": {"a": [1, 2.5, None]},
        "include-path": ["lib"],
        "bin": ["bin/acme"],
        "require": {"php": ">=8.1", "acme/base": "self.version"},
        "require-dev": {"phpunit/phpunit": "^10 || ^11"},
        "suggest": {"ext-apcu": "for speed"},
        "conflict": {"acme/old": "<1.0"},
        "provide": {"psr/log-implementation": "1.0"},
        "replace": {"acme/part": "self.version"},
    }
    kept = {key: value for key, value in raw.items() if key != "name"}
    manifest = check(raw)
    assert manifest.metadata == kept
    assert manifest.notices == ()
    assert (manifest.name, manifest.description, manifest.type) == (
        "acme/lib",
        "A library",
        "symfony-bundle",
    )
    assert manifest.keywords == ("one", "two")


def test_only_the_type_of_an_empty_manifest_is_served():
    assert metadata(name="acme/lib") == {"type": "library"}


@pytest.mark.parametrize(
    "key",
    [
        "version_normalized",
        "default-branch",
        "notification-url",
        "installation-source",
        "transport-options",
        "source",
        "dist",
        "repositories",
        "config",
        "minimum-stability",
        "prefer-stable",
        "scripts",
        "archive",
        "autoload-dev",
        "uid",
        "time",
        "version",
    ],
)
def test_what_only_a_root_package_or_the_server_says_is_dropped(key):
    assert key not in metadata(**{key: "1.0"})


def test_a_perforce_source_of_the_author_is_dropped():
    evil = {"type": "perforce", "url": "x; touch /tmp/x", "reference": "1"}
    assert metadata(source=evil, dist=evil) == {"type": "library"}


@pytest.mark.parametrize("kind", ["require", "require-dev", "conflict", "provide", "replace"])
@pytest.mark.parametrize(
    "constraint", ["", "~>1.2", "latest", "__unset", 1, 1.5, None, [], {}, True]
)
def test_a_bad_constraint_refuses_the_version(kind, constraint):
    assert f"{kind}.acme/x" in refused({kind: {"acme/x": constraint}})


def test_a_constraint_or_version_of_1_mb_is_refused_in_under_10_ms():
    began = time.perf_counter()
    refused({"require": {"acme/x": "1.0 || " * 150_000}})
    with pytest.raises(SkippedRef):
        version_of_tag("1.0", "1." * 500_000)
    assert time.perf_counter() - began < 0.02


@pytest.mark.parametrize("value", ["acme/x", 1, True, ["acme/x"]])
def test_links_that_are_no_map_refuse_the_version(value):
    assert "require" in refused({"require": value})


@pytest.mark.parametrize("value", [None, [], {}])
def test_absent_and_empty_links_are_alike(value):
    assert "require" not in metadata(require=value)


def test_link_names_are_lower_cased_and_the_last_of_two_wins():
    kept = metadata(require={"Acme/X": "1.0", "php": "*", "acme/x": "2.0"})
    assert kept["require"] == {"acme/x": "2.0", "php": "*"}


@pytest.mark.parametrize("name", ["phpunit", "../../x/y", "acme/x~dev", "acme/x.json", "a/con", ""])
def test_a_requirement_no_package_can_meet_refuses_the_version(name):
    refused({"require": {name: "*"}})


@pytest.mark.parametrize("kind", ["require-dev", "conflict", "provide", "replace"])
def test_another_link_to_an_impossible_name_is_left_out(kind):
    kept = left_out({kind: {"phpunit": "*", "acme/x": "*"}}).metadata
    assert kept[kind] == {"acme/x": "*"}


@pytest.mark.parametrize("reason", [None, 1, ["x"]])
def test_a_suggestion_without_text_refuses_the_version(reason):
    assert "suggest.acme/x" in refused({"suggest": {"acme/x": reason}})


def test_every_reason_is_told_at_once():
    with pytest.raises(BadManifest) as caught:
        check({"require": {"a/b": 1, "c/d": "latest"}, "bin": 5})
    assert len(caught.value.reasons) == 3


def test_the_type_is_lower_cased():
    assert metadata(type="Composer-Plugin")["type"] == "composer-plugin"


@pytest.mark.parametrize("kind", ["__unset", "a b", "<b>", "x" * 200])
def test_a_type_that_is_no_word_becomes_library(kind):
    assert metadata(type=kind)["type"] == "library"


@pytest.mark.parametrize(
    "raw",
    [
        {"type": 5},
        {"autoload": "src"},
        {"autoload": {"psr-4": {"Acme\\": 5}}},
        {"autoload": {"psr-4": {"Acme\\": ["src", None]}}},
        {"autoload": {"psr-4": {"Acme": "src"}}},
        {"autoload": {"psr-4": ["src"]}},
        {"autoload": {"files": [{"a": 1}]}},
        {"autoload": {"psr-4": {"Acme\\": ""}}, "target-dir": "Acme"},
        {"include-path": "lib"},
        {"include-path": [None]},
        {"bin": 5},
        {"bin": ["a", 5]},
        {"target-dir": 5},
    ],
)
def test_what_would_stop_an_installation_refuses_the_version(raw):
    refused(raw)


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "..", "a\\..\\x", "C:\\x", "a\x1b[2J", "a\nb"]
)
@pytest.mark.parametrize("key", ["bin", "target-dir"])
def test_a_path_out_of_the_package_refuses_the_version(key, path):
    assert refused({key: path}).isprintable()


def test_bin_becomes_a_list_of_relative_paths():
    assert metadata(bin="/bin/acme")["bin"] == ["bin/acme"]
    assert metadata(bin=["bin/a", "./b", ""])["bin"] == ["bin/a", "./b"]


def test_an_autoload_type_unknown_to_composer_is_left_out():
    kept = left_out({"autoload": {"psr-2": {"A": "b"}, "classmap": ["src"], "files": "x"}}).metadata
    assert kept["autoload"] == {"classmap": ["src"]}


def test_autoload_is_kept_as_it_is():
    autoload = {"psr-0": {"A_": "src/"}, "psr-4": {"B\\": {"0": "src"}}, "classmap": []}
    assert metadata(autoload=autoload)["autoload"] == autoload


def test_a_branch_alias_that_is_no_text_refuses_a_branch_and_not_a_tag():
    raw = {"extra": {"branch-alias": {"dev-main": 1.0, "dev-x": "2.x-dev"}, "a": 1}}
    assert "branch-alias" in refused(raw, dev=True)
    assert check(raw).metadata["extra"] == {"branch-alias": {"dev-x": "2.x-dev"}, "a": 1}


@pytest.mark.parametrize("aliases", ["1.x-dev", ["1.x-dev"], 5])
def test_branch_aliases_that_are_no_map_are_left_out(aliases):
    assert check({"extra": {"branch-alias": aliases, "a": 1}}, dev=True).metadata["extra"] == {
        "a": 1
    }


def test_the_word_that_removes_keys_is_nowhere_in_the_values():
    raw = {
        "description": "__unset",
        "bin": ["__unset", "a"],
        "extra": {"a": "__unset", "b": ["__unset", {"c": "__unset"}], "__unset": 1},
        "autoload": {"classmap": ["__unset"]},
        "suggest": {"a/b": "__unset"},
        "abandoned": "__unset",
    }
    assert metadata(**raw) == {
        "type": "library",
        "bin": ["a"],
        "extra": {"b": [{}], "__unset": 1},
        "autoload": {"classmap": []},
    }


def test_control_and_bidi_characters_are_stripped_from_texts():
    kept = metadata(
        description="a\x1b[31mb\u202ec\r\nd\x9be",
        keywords=["k\u2066ey", "\x00", "\ufeff"],
        authors=[{"name": "A\x07nn", "role": "\u200eboss"}],
        license="M\x7fIT",
        suggest={"a/b": "x\x08y"},
    )
    assert kept["description"] == "a[31mbc de"
    assert kept["keywords"] == ["key"]
    assert kept["authors"] == [{"name": "Ann", "role": "boss"}]
    assert kept["license"] == ["MIT"]
    assert kept["suggest"] == {"a/b": "xy"}


HOSTILE_LINKS = [
    "java\tscript:alert(1)",
    "javascript:alert(1)",
    "JaVaScRiPt://x/%0aalert(1)",
    "data:text/html,<script>",
    "\x01javascript:alert(1)",
    "vbscript:x",
    "//evil.example",
    "/path",
    "https:evil",
    "http://[::1",
    'https://x/"onmouseover="a',
    "file:///etc/passwd",
    "www.acme.example",
    "",
]


@pytest.mark.parametrize("url", HOSTILE_LINKS)
def test_a_hostile_link_is_in_no_field(url):
    kept = metadata(
        homepage=url,
        authors=[{"homepage": url}],
        funding=[{"type": "x", "url": url}],
        support=dict.fromkeys(
            [
                "issues",
                "forum",
                "wiki",
                "source",
                "docs",
                "rss",
                "irc",
                "chat",
                "security",
                "email",
            ],
            url,
        ),
    )
    assert kept == {"type": "library"}


def test_the_links_of_support_may_write_mail_and_chat():
    support = {
        "issues": "mailto:bugs@acme.example",
        "irc": "ircs://irc.example/x",
        "chat": "https://chat.example/x",
        "email": "help@acme.example",
        "docs": " https://docs.example/\n",
        "phone": "123",
    }
    kept = metadata(support=support)["support"]
    assert kept == {
        "issues": "mailto:bugs@acme.example",
        "irc": "ircs://irc.example/x",
        "chat": "https://chat.example/x",
        "email": "help@acme.example",
        "docs": "https://docs.example/",
    }


@pytest.mark.parametrize("given", ["x", "a b@c.de", 'x"@y', "<x@y>", "javascript:x@y", 5])
def test_what_is_no_e_mail_address_is_left_out(given):
    left_out({"authors": [{"name": "Ann", "email": given}]})


@pytest.mark.parametrize(
    ("given", "kept"),
    [("MIT", ["MIT"]), (["MIT", "BSD"], ["MIT", "BSD"]), ({"a": "MIT"}, ["MIT"]), (["", 5], ["5"])],
)
def test_a_license_becomes_a_list(given, kept):
    assert metadata(license=given)["license"] == kept


@pytest.mark.parametrize(
    "raw",
    [
        {"description": 5},
        {"keywords": "a, b"},
        {"keywords": [["a"]]},
        {"homepage": ["x"]},
        {"license": True},
        {"authors": "Ann"},
        {"authors": ["Ann"]},
        {"authors": [{"name": 5}]},
        {"support": "x"},
        {"support": {"issues": 5}},
        {"funding": "x"},
        {"funding": ["x"]},
        {"extra": "x"},
        {"php-ext": 5},
        {"suggest": ["a/b"]},
        {"abandoned": 5},
    ],
)
def test_what_is_only_shown_is_left_out_with_a_notice_when_wrong(raw):
    assert left_out(raw).metadata == {"type": "library"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [(None, None), ("", None), ("Acme/Lib", "acme/lib"), ("../x", "../x")],
)
def test_the_name_is_lower_cased_and_left_to_the_name_rule(given, kept):
    assert check({"name": given}).name == kept


def test_a_name_that_is_no_text_refuses_the_version():
    refused({"name": 5})


def test_a_typed_version_counts_only_outside_branches():
    assert check({"version": "1.0"}).version == "1.0"
    assert check({"version": ""}).version == ""
    assert check({"version": 1.0}, dev=True).version is None
    assert "version" in refused({"version": 1.0})


@pytest.mark.parametrize(
    ("given", "kept"),
    [(True, True), (False, False), (None, False), ("", False), ("acme/new", "acme/new")],
)
def test_abandoned_is_a_boolean_or_a_name(given, kept):
    assert check({"abandoned": given}).abandoned == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2024-01-02T03:04:05+02:00", datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("2024-01-02", datetime(2024, 1, 2, tzinfo=UTC)),
        ("2024-01-02 03:04:05", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("86400", datetime(1970, 1, 2, tzinfo=UTC)),
        ("yesterday", None),
        ("0001-01-01T00:00:00+23:00", None),
        (86400, None),
        (None, None),
    ],
)
def test_a_typed_time_is_read_where_it_can_be(given, kept):
    assert check({"time": given}).time == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [("docs/README.md", "docs/README.md"), ("../x", None), ("a\nb", None), (5, None), ("", None)],
)
def test_a_readme_is_a_path_inside_the_package(given, kept):
    assert check({"readme": given}).readme == kept
