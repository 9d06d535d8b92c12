"""The table in docs/admin.md, read by a machine, against what every route does."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import delete
from webtest import TestApp

from packistry.app import make_app
from packistry.models import Grant, Package, Repository, Role, Token, TokenKind, User
from packistry.runtime import Runtime
from packistry.settings import Settings
from tests.functional.conftest import Shipped, Stock, bearer

PAGE = Path(__file__).parents[2] / "docs" / "admin.md"
NAME, SIBLING, NEW = "acme/lib", "acme/sibling", "acme/new"


@dataclass(frozen=True, kw_only=True)
class Right:
    """A cell of the table: what it lets somebody do."""

    text: str

    def allows(self, *, public: bool, granted: bool, able: bool) -> bool:
        everything = self.text.startswith("everything")
        right = everything or ("granted" in self.text and granted)
        if "if the token has the ability" in self.text or "if it has the ability" in self.text:
            right = right and able
        return right or (public and "public repositories" in self.text)


def table() -> dict[str, tuple[Right, Right]]:
    """(reads, writes) by who asks."""
    row = re.compile(r"^\| ([a-z][^|]*) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
    # Of the tables on the page, the one about tokens.
    rows = row.findall(PAGE.read_text().partition("| | reads | writes |")[2].partition("\n\n")[0])
    return {
        who.split(" (")[0]: (Right(text=reads), Right(text=writes)) for who, reads, writes in rows
    }


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a token may do, what was granted and on what, and whether all may read."""

    can_read: bool
    can_write: bool
    grant: str
    read: bool
    write: bool
    public: bool

    def granted(self, right: bool, *, sibling: bool = False) -> bool:
        return right and (self.grant == "repository" or (self.grant == "package" and not sibling))


GRANTS = [("none", False, False), *product(["repository", "package"], [True, False], [True, False])]
CASES = [
    Case(can_read=r, can_write=w, grant=grant, read=read, write=write, public=public)
    for (r, w), (grant, read, write), public in product(
        [(True, False), (True, True), (False, True)], GRANTS, [False, True]
    )
]


class World:
    """An installation whose one token, and whose one repository, become what a case says."""

    def __init__(self, runtime: Runtime, app: TestApp) -> None:
        self.runtime, self.app, self.stock = runtime, app, Stock(runtime)
        self.stock.repository()
        self.stock.repository("other")
        self.shipped: Shipped = self.stock.version(NAME, "1.0.0", provide={"acme/virtual": "1"})
        self.sibling: Shipped = self.stock.version(SIBLING, "1.0.0")
        self.elsewhere: Shipped = self.stock.version(NAME, "1.0.0", "other")

    def become(self, who: str, case: Case) -> dict[str, str]:
        """The headers of who asks."""
        with self.runtime.transaction() as services:
            session = services.session
            for model in (Grant, Token, User):
                session.execute(delete(model))
            root = session.query(Repository).filter_by(path="").one()
            root.public = case.public
            if who == "nobody":
                return {}
            user = None
            if who != "deploy token":
                role = Role.ADMIN if who == "admin" else Role.USER
                user = User(name="Ada", email="ada@example.org", role=role)
                session.add(user)
            kind = TokenKind.PERSONAL if user else TokenKind.DEPLOY
            token, text = services.tokens.add(kind, "x", user=user, can_write=case.can_write)
            token.can_read = case.can_read
            owner = {"user_id": user.id} if user else {"token_id": token.id}
            package = session.query(Package).filter_by(name=NAME, repository_id=root.id).one()
            if case.grant != "none" and (case.read or case.write):
                whole = case.grant == "repository"
                on = {"repository_id": root.id} if whole else {"package_id": package.id}
                session.add(Grant(can_read=case.read, can_write=case.write, **owner, **on))
            return bearer(text)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    runtime = Runtime(Settings(data_dir=tmp_path_factory.mktemp("rights"), workers=0))
    runtime.prepare()
    application = make_app(runtime)
    yield World(runtime, TestApp(application))
    application.close()
    runtime.close()


Shows = Callable[[World, dict[str, str]], bool]


def status(world: World, path: str, headers: dict[str, str]) -> bool:
    answer = world.app.get(path, headers=headers, status="*")
    assert answer.status_int in (200, 401, 404)
    return bool(answer.status_int == 200)


def names(world: World, path: str, name: str, headers: dict[str, str]) -> bool:
    answer = world.app.get(path, headers=headers, status="*")
    assert answer.status_int in (200, 401, 404)
    return bool(answer.status_int == 200) and f'"{name}"' in answer.text


READS: dict[str, Shows] = {
    "p2": lambda world, headers: status(world, f"/p2/{NAME}.json", headers),
    "p2~dev": lambda world, headers: status(world, f"/p2/{NAME}~dev.json", headers),
    "packages.json": lambda world, headers: names(world, "/packages.json", NAME, headers),
    "list.json": lambda world, headers: names(world, "/list.json", NAME, headers),
    "search.json": lambda world, headers: names(world, "/search.json?q=lib", NAME, headers),
    "providers": lambda world, headers: names(world, "/providers/acme/virtual.json", NAME, headers),
    "dist": lambda world, headers: status(world, world.shipped.path, headers),
    "dist by version": lambda world, headers: status(world, f"/{NAME}/1.0.0", headers),
}
SIBLING_READS: dict[str, Shows] = {
    "p2": lambda world, headers: status(world, f"/p2/{SIBLING}.json", headers),
    "packages.json": lambda world, headers: names(world, "/packages.json", SIBLING, headers),
    "dist": lambda world, headers: status(world, world.sibling.path, headers),
}
ELSEWHERE: dict[str, Shows] = {
    "p2": lambda world, headers: status(world, f"/r/other/p2/{NAME}.json", headers),
    "packages.json": lambda world, headers: status(world, "/r/other/packages.json", headers),
    "dist": lambda world, headers: status(world, world.elsewhere.path, headers),
}


def may_write(world: World, path: str, headers: dict[str, str]) -> bool:
    """Who may is told what is wrong with the zip; who may not is refused before."""
    answer = world.app.post(
        path, upload_files=[("file", "x.zip", b"no zip")], headers=headers, status="*"
    )
    assert answer.status_int in (401, 403, 404, 422)
    return bool(answer.status_int == 422)


def cases(who: str) -> list[Case]:
    """Nobody has neither a token nor a grant."""
    if who != "nobody":
        return CASES
    return [case for case in CASES if case.grant == "none" and case.can_read and case.can_write]


def test_the_table_is_one_of_four_who_ask() -> None:
    assert set(table()) == {"nobody", "user", "admin", "deploy token"}


@pytest.mark.parametrize("who", ["nobody", "user", "admin", "deploy token"])
def test_the_matrix_role_ability_grant_route_equals_the_table_in_docs_admin_md(
    world: World, who: str
) -> None:
    reads, writes = table()[who]
    for case in cases(who):
        headers = world.become(who, case)
        for sibling, routes in ((False, READS), (True, SIBLING_READS)):
            granted = case.granted(case.read, sibling=sibling)
            # The ability to read is said below the table, once for all rows; what is public needs
            # none.
            rule = reads.allows(public=case.public, granted=granted, able=True)
            expected = rule if case.can_read else case.public
            for route, shows in routes.items():
                assert shows(world, headers) == expected, (route, case)
        # Making a package needs a grant on the repository.
        for path, new in ((f"/{NAME}", False), (f"/{NEW}", True)):
            granted = case.granted(case.write, sibling=new)
            expected = writes.allows(public=case.public, granted=granted, able=case.can_write)
            assert may_write(world, path, headers) == expected, (path, case)


@pytest.mark.parametrize("who", ["nobody", "user", "admin", "deploy token"])
def test_no_grant_reaches_into_another_repository(world: World, who: str) -> None:
    reads, writes = table()[who]
    for case in cases(who):
        headers = world.become(who, case)
        expected = case.can_read and reads.allows(public=False, granted=False, able=True)
        for route, shows in ELSEWHERE.items():
            assert shows(world, headers) == expected, (route, case)
        expected = writes.allows(public=False, granted=False, able=case.can_write)
        assert may_write(world, f"/r/other/{NAME}", headers) == expected, case
