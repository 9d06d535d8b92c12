"""doctor in front of a real Redis."""

from pydantic import SecretStr
from redis import Redis

from packistry.runtime import Runtime
from packistry.services.doctor import Level, network
from packistry.settings import Settings
from tests import servers


def examined(url: str) -> list[tuple[Level, str]]:
    runtime = Runtime(Settings(redis_url=SecretStr(url)))
    return [(each.level, each.title) for each in network.redis(runtime)]


def test_a_redis_of_this_machine_is_sound() -> None:
    with servers.redis() as url:
        ((level, title),) = examined(url)
    assert level is Level.OK
    assert title.endswith(" answers.")


def test_a_redis_that_wants_another_password_is_an_error() -> None:
    with servers.redis() as url:
        with Redis.from_url(url) as connection:
            connection.config_set("requirepass", "right")
        ((level, title),) = examined(url.replace("redis://", "redis://:canary@"))
        # It is stopped by a signal, so that the password is in nobody's way.
    assert (level, title) == (Level.ERROR, "Redis refuses the password.")


def test_a_redis_that_throws_jobs_away_is_a_warning() -> None:
    with servers.redis() as url:
        with Redis.from_url(url) as connection:
            connection.config_set("maxmemory-policy", "allkeys-lru")
        ((level, _),) = examined(url)
    assert level is Level.WARNING
