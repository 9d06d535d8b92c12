import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from packistry.composer.documents import (
    COMPOSER_1_WARNING,
    EMISSION_ORDER,
    MAX_AVAILABLE_NAMES,
    NO_PACKAGE,
    Dist,
    FoundPackage,
    NothingToInstall,
    ProvidingPackage,
    Source,
    VersionFacts,
    dev_document,
    list_document,
    package_document,
    packages_json,
    providers_document,
    search_document,
    stable_document,
    version_entry,
)
from packistry.composer.manifest import check
from packistry.composer.minifier import expand
from packistry.composer.names import is_package_name
from packistry.composer.versions import version_of_branch, version_of_tag

DIST = Dist(url="https://p.example/dists/acme/lib/1.0/abc.zip", reference="abc", shasum="f00")
SOURCE = Source(url="https://git.example/acme/lib.git", reference="abc")


def entry(version: str, **facts):
    name = version_of_branch(version[4:]) if version.startswith("dev-") else version_of_tag(version)
    known = VersionFacts(pretty=name.pretty, normalized=name.normalized, dist=DIST, **facts)
    return version_entry("acme/lib", {"type": "library", "description": version[:2]}, known)


def root(*names: str, **options):
    return packages_json(base_url="https://p.example/r/x", names=names, **options)


# packages.json ---------------------------------------------------------------------------------


def test_every_address_in_the_root_is_below_the_base():
    document = root("acme/lib")
    addresses = ["metadata-url", "list", "search", "providers-api", "notify-batch"]
    assert all(document[key].startswith("https://p.example/r/x/") for key in addresses)
    assert "?" not in document["list"]
    assert "%query%" in document["search"]
    assert "%type%" in document["search"]
    assert "%package%" in document["metadata-url"]
    assert "%package%" in document["providers-api"]
    assert document["packages"] == []


def test_a_base_without_host_gives_addresses_from_the_host_s_root():
    assert packages_json(base_url="", names=())["metadata-url"] == "/p2/%package%.json"


def test_the_available_packages_are_the_names_in_order():
    document = root("acme/lib", "acme/app", "acme/lib")
    assert document["available-packages"] == ["acme/app", "acme/lib"]
    assert "available-package-patterns" not in document


def test_a_reserved_vendor_is_a_pattern_beside_the_names():
    document = root("acme/lib", reserved_vendors=["acme", "corp"])
    assert document["available-packages"] == ["acme/lib"]
    assert document["available-package-patterns"] == ["acme/*", "corp/*"]


def test_a_repository_without_packages_offers_a_pattern_that_no_name_matches():
    document = root()
    assert "available-packages" not in document
    assert document["available-package-patterns"] == [NO_PACKAGE]
    assert not is_package_name(NO_PACKAGE)


def test_very_many_names_become_patterns_of_their_vendors():
    names = [f"v{number % 3}/p{number}" for number in range(MAX_AVAILABLE_NAMES + 1)]
    document = root(*names)
    assert "available-packages" not in document
    assert document["available-package-patterns"] == ["v0/*", "v1/*", "v2/*"]


def test_only_composer_1_is_warned():
    document = root()
    assert (document["warning"], document["warning-versions"]) == (COMPOSER_1_WARNING, "<1.999")


# versions --------------------------------------------------------------------------------------


def test_a_version_is_emitted_in_the_order_of_packagist():
    raw = {
        "bin": ["x"],
        "replace": {"a/c": "1"},
        "require": {"php": "*"},
        "license": "MIT",
        "description": "d",
        "autoload": {"classmap": ["x"]},
        "suggest": {"a/b": "x"},
        "keywords": ["k"],
    }
    facts = VersionFacts(
        pretty="dev-main",
        normalized="dev-main",
        dist=DIST,
        source=SOURCE,
        time=datetime(2024, 1, 2, tzinfo=UTC),
        default_branch=True,
        abandoned="acme/new",
    )
    emitted = list(version_entry("acme/lib", check(raw).metadata, facts))
    assert emitted == [key for key in EMISSION_ORDER if key in emitted]
    assert len(emitted) == 17


def test_a_version_names_its_dist_and_source():
    facts = VersionFacts(pretty="1.0", normalized="1.0.0.0", dist=DIST, source=SOURCE)
    built = version_entry("acme/lib", {"type": "library"}, facts)
    assert built == {
        "name": "acme/lib",
        "version": "1.0",
        "version_normalized": "1.0.0.0",
        "source": {
            "type": "git",
            "url": "https://git.example/acme/lib.git",
            "reference": "abc",
        },
        "dist": {
            "type": "zip",
            "url": "https://p.example/dists/acme/lib/1.0/abc.zip",
            "reference": "abc",
            "shasum": "f00",
        },
        "type": "library",
    }


def test_what_the_server_says_of_a_version_cannot_come_from_its_metadata():
    hostile = {"name": "evil/x", "version": "9", "source": {}, "dist": {}, "default-branch": True}
    built = version_entry("acme/lib", hostile | {"abandoned": True, "time": "x", "uid": 1},
                          VersionFacts(pretty="1.0", normalized="1.0.0.0", dist=DIST))  # fmt: skip
    assert built["name"] == "acme/lib"
    assert built["version"] == "1.0"
    assert built["dist"]["reference"] == "abc"
    assert not {"source", "default-branch", "abandoned", "time", "uid"} & set(built)


def test_the_time_is_rfc_3339_in_utc():
    time = datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=2)))
    assert entry("1.0", time=time)["time"] == "2024-01-02T01:04:05+00:00"


def test_a_version_with_nothing_to_install_is_refused():
    facts = VersionFacts(pretty="1.0", normalized="1.0.0.0")
    with pytest.raises(NothingToInstall):
        version_entry("acme/lib", {"type": "library"}, facts)


def test_a_metapackage_needs_nothing_to_install():
    facts = VersionFacts(pretty="1.0", normalized="1.0.0.0")
    assert "dist" not in version_entry("acme/lib", {"type": "metapackage"}, facts)


def test_links_to_the_package_itself_are_dropped():
    metadata = {"type": "library", "require": {"acme/lib": "*", "php": "*"}}
    facts = VersionFacts(pretty="1.0", normalized="1.0.0.0", dist=DIST)
    assert version_entry("acme/lib", metadata, facts)["require"] == {"php": "*"}
    assert metadata["require"] == {"acme/lib": "*", "php": "*"}


@pytest.mark.parametrize("place", [Dist, Source])
@pytest.mark.parametrize(
    ("url", "reference"), [("-x", "a"), (" --x", "a"), ("x", "-a"), ("", "a"), ("x", "")]
)
def test_a_place_that_could_be_an_option_of_a_tool_cannot_be_made(place, url, reference):
    with pytest.raises(ValueError, match="not a place"):
        place(url=url, reference=reference)


# p2 --------------------------------------------------------------------------------------------


def versions_of(document) -> list[str]:
    (listed,) = document["packages"].values()
    return [version["version"] for version in expand(listed)]


ENTRIES = ["1.0", "dev-main", "2.0", "1.10", "dev-1.x", "2.0-RC1", "1.9"]


def test_the_stable_document_holds_all_but_dev_versions_newest_first():
    document = stable_document("acme/lib", [entry(version) for version in ENTRIES])
    assert versions_of(document) == ["2.0", "2.0-RC1", "1.10", "1.9", "1.0"]


def test_the_dev_document_holds_dev_versions_only():
    document = dev_document("acme/lib", [entry(version) for version in ENTRIES])
    assert sorted(versions_of(document)) == ["1.x-dev", "dev-main"]


def test_a_document_is_minified_and_says_so():
    document = stable_document("acme/lib", [entry("1.0"), entry("1.1")])
    assert document["minified"] == "composer/2.0"
    newest, older = document["packages"]["acme/lib"]
    assert older == {"version": "1.0", "version_normalized": "1.0.0.0"}
    assert "dist" in newest


def test_expanding_gives_the_versions_back_with_removed_keys():
    entries = [entry("2.0", abandoned=True), entry("1.0"), entry("0.9", abandoned="a/b")]
    document = package_document("acme/lib", entries)
    assert expand(document["packages"]["acme/lib"]) == entries
    assert package_document("acme/lib", entries, minified=False) == {
        "packages": {"acme/lib": entries}
    }


def test_a_package_without_versions_has_an_empty_list():
    assert stable_document("acme/lib", []) == {
        "minified": "composer/2.0",
        "packages": {"acme/lib": []},
    }


def test_a_document_never_holds_the_client_s_own_key():
    assert "last-modified" not in stable_document("acme/lib", [entry("1.0")])


def test_rendering_twice_gives_the_same_bytes():
    entries = [entry(version) for version in ENTRIES]
    first, second = (
        json.dumps(stable_document("acme/lib", given), allow_nan=False)
        for given in (entries, reversed(entries))
    )
    assert first == second


# list, search, providers -----------------------------------------------------------------------

NAMES = ["acme/lib", "acme/app", "corp/lib", "acme-x/lib"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", ["acme-x/lib", "acme/app", "acme/lib", "corp/lib"]),
        ("acme/*", ["acme/app", "acme/lib"]),
        ("ACME/*", ["acme/app", "acme/lib"]),
        ("*lib", ["acme-x/lib", "acme/lib", "corp/lib"]),
        ("*e*/*i*", ["acme-x/lib", "acme/lib"]),
        ("acme", []),
        ("acme/li.", []),
        ("acme/lib*lib", []),
        ("acme/lib", ["acme/lib"]),
    ],
)
def test_a_list_is_filtered_by_an_anchored_pattern(pattern, found):
    assert list_document(NAMES, pattern=pattern) == {"packageNames": found}


def test_a_list_is_narrowed_to_a_vendor():
    assert list_document(NAMES, vendor="Acme", pattern="*lib") == {"packageNames": ["acme/lib"]}


def test_a_pattern_of_many_stars_takes_no_time():
    assert list_document(["a" * 5000], pattern="*a" * 2000 + "b") == {"packageNames": []}


def test_a_search_answers_rows_and_the_total():
    rows = [FoundPackage(name="acme/lib", description="d", url="u", downloads=3, abandoned="a/b")]
    assert search_document(rows, total=31, next_url="https://p.example/next") == {
        "results": [
            {
                "name": "acme/lib",
                "description": "d",
                "url": "u",
                "repository": "",
                "downloads": 3,
                "favers": 0,
                "abandoned": "a/b",
            }
        ],
        "total": 31,
        "next": "https://p.example/next",
    }


def test_the_last_page_of_a_search_names_no_next():
    assert search_document([], total=0) == {"results": [], "total": 0}


def test_providers_leave_out_the_package_asked_for():
    rows = [ProvidingPackage(name="psr/log"), ProvidingPackage(name="acme/log", description="d")]
    assert providers_document("psr/log", rows) == {
        "providers": [{"name": "acme/log", "description": "d", "type": "library"}]
    }
