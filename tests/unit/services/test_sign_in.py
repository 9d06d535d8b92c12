from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr

from packistry.errors import Forbidden
from packistry.inputs import NewUser, UserChange
from packistry.models import Via
from packistry.services.access import ANONYMOUS
from packistry.services.audit import Author
from packistry.services.sign_in import prove

PASSWORD = "seven red umbrellas"
AUTHOR = Author(actor=ANONYMOUS, via=Via.WEB)


@pytest.fixture
def add(runtime: Any) -> Any:
    """Adds a user with a password, or with a stored hash."""

    def make(email: str = "jo@x.org", password: Any = None, stored: str = "") -> int:
        with runtime.transaction() as services:
            user = services.users.add(NewUser(email=email, name="Jo", password=password))
            user.password_hash = stored or user.password_hash
            services.session.flush()
            number: int = user.id
            return number

    return make


@pytest.fixture
def signs_in(runtime: Any) -> Any:
    """Whose password it is; None when it is nobody's."""

    def proven(email: str, password: str) -> int | None:
        try:
            return prove(runtime, AUTHOR, email, SecretStr(password), "192.0.2.7")
        except Forbidden:
            return None

    return proven


def stored(runtime: Any, email: str = "jo@x.org") -> str:
    with runtime.reading() as services:
        text: str = services.users.get(email).password_hash
        return text


def test_the_right_password_lets_in_however_the_address_is_written(add, signs_in):
    assert signs_in(" JO@x.org", PASSWORD) is None
    number = add(password=PASSWORD)
    assert signs_in(" JO@x.org", PASSWORD) == number


def test_nobody_else_is_let_in(add, signs_in, runtime):
    add(password=PASSWORD)
    add("none@x.org")
    add("off@x.org", password=PASSWORD)
    with runtime.transaction() as services:
        services.users.edit(services.users.get("off@x.org"), UserChange(active=False))
    assert signs_in("jo@x.org", "another password") is None
    assert signs_in("none@x.org", "") is None
    assert signs_in("off@x.org", PASSWORD) is None


def test_a_migrated_bcrypt_password_lets_in_and_is_hashed_anew(add, signs_in, runtime):
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")
    number = add(stored=old)
    assert signs_in("jo@x.org", "not " + PASSWORD) is None
    assert stored(runtime) == old
    assert signs_in("jo@x.org", PASSWORD) == number
    assert stored(runtime).startswith("$argon2id$")
    assert signs_in("jo@x.org", PASSWORD) == number


def test_a_migrated_password_longer_than_bcrypt_reads_lets_in(add, signs_in):
    long = "0123456789" * 10
    number = add(stored=bcrypt.hashpw(long[:72].encode(), bcrypt.gensalt(4)).decode())
    assert signs_in("jo@x.org", long) == number


def test_a_weaker_argon2_hash_is_made_anew(add, signs_in, runtime):
    old = PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD)
    add(stored=old)
    signs_in("jo@x.org", PASSWORD)
    assert stored(runtime) != old


def test_a_hash_that_cannot_be_read_lets_nobody_in(add, signs_in):
    add(stored="md5:5f4dcc3b5aa765d61d8327deb882cf99")
    assert signs_in("jo@x.org", PASSWORD) is None


def test_after_a_reset_the_old_password_is_worth_nothing(add, signs_in, runtime):
    add(password=PASSWORD)
    with runtime.transaction() as services:
        user = services.users.get("jo@x.org")
        services.users.reset_password(user, SecretStr("eight blue umbrellas"))
    assert signs_in("jo@x.org", PASSWORD) is None
