"""Who looks for words finds the packages that have them, and reads few of the others."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from packistry.inputs import NewRepository
from packistry.models import Gram, Package
from packistry.models.gram import grams, ranges
from packistry.runtime import Runtime
from packistry.services import search

WORDS = ("lib", "LIB", "acme/l", "b", "ib", "/", "ümlaut", "größe", "ΟΔΟΣ", "psr-3", '"psr-3"', "%")


@pytest.fixture
def stocked(runtime: Runtime) -> Runtime:
    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="home"))
        services.session.add_all(
            [
                Package(repository=home, name="acme/lib", keywords=["psr-3", "log file"]),
                Package(repository=home, name="acme/theme", description="Ümlaut: 100% der Größe"),
                Package(repository=home, description="Has no name: ΟΔΟΣ İstanbul 𝒳𝒴𝒵"),
            ]
        )
    return runtime


def found(runtime: Runtime, words: Sequence[str]) -> list[str | None]:
    """Names of those among which who has all the words is to be looked for."""
    with runtime.reading() as services:
        few = search.rare(services.session, [word.lower() for word in words])
        assert few is not None
        query = select(Package.name).where(few).order_by(Package.id)
        return list(services.session.scalars(query))


@pytest.mark.parametrize("word", WORDS)
def test_whatever_has_a_word_is_among_those_that_are_looked_at(stocked: Runtime, word: str) -> None:
    with stocked.reading() as services:
        having = [
            package.name
            for package in services.session.scalars(select(Package).order_by(Package.id))
            if word.casefold()
            in f"{package.name} {package.description} {package.keywords}".casefold().replace(
                "'", '"'
            )
        ]
    assert having
    assert set(having) <= set(found(stocked, [word]))


def test_others_are_not(stocked: Runtime) -> None:
    assert found(stocked, ["them"]) == ["acme/theme"]
    assert found(stocked, ["acme", "them"]) == ["acme/theme"]
    assert found(stocked, ["e:", "ΟΔΟΣ"]) == [None]
    assert found(stocked, ["filelog"]) == found(stocked, ["acme", "nowhere"]) == []


@pytest.mark.parametrize("word", ["İstanbul", "istanbul", "stanbu", "𝒳𝒴𝒵", "𝒴", "ΟΔΟΣ", "οδοσ"])
def test_letters_are_folded_no_finer_than_by_any_database(word: str) -> None:
    text = grams("ΟΔΟΣ İstanbul 𝒳𝒴𝒵")
    for first, end in ranges(word.lower()):
        assert any(first <= gram < end for gram in text)


def test_it_is_found_by_what_it_says_now(stocked: Runtime) -> None:
    with stocked.transaction() as services:
        package = services.packages.get("acme/lib")
        package.description, package.keywords = "Keeps ledgers", ["money"]
    assert found(stocked, ["ledger"]) == found(stocked, ["mone"]) == ["acme/lib"]
    assert found(stocked, ["psr-3"]) == []
    with stocked.transaction() as services:
        services.packages.remove(services.packages.get("acme/lib"))
        package_ids = set(services.session.scalars(select(Package.id)))
        assert set(services.session.scalars(select(Gram.package_id))) == package_ids


def test_a_word_that_many_have_narrows_nothing_down(
    stocked: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "RARE", 1)
    with stocked.reading() as services:
        assert search.rare(services.session, ["acme"]) is None
        assert search.rare(services.session, []) is None
    assert found(stocked, ["acme", "lib"]) == ["acme/lib"]
