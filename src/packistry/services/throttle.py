"""Failed sign-ins are answered later and later, by account and by address.

An address from which somebody has signed in to an account before is counted by itself: whoever
guesses from elsewhere cannot lock its owner out.
"""

import math
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from packistry.database import upsert
from packistry.errors import PackistryError
from packistry.models import Throttle
from packistry.models.base import now

ACCOUNT_TRIES = 5
ADDRESS_TRIES = 20
LONGEST = timedelta(minutes=15)
FORGET = timedelta(days=1)
# Steps of sign-ins elsewhere from one address: of an office that comes to work, sixty a minute.
PACE, PACE_TIME = 120, timedelta(minutes=1)
TOO_FAST = "Too many sign-ins were begun from your address."
KNOWN = timedelta(days=90)


class Throttled(PackistryError):
    """Too many sign-ins; the next is looked at in `retry_after` seconds."""

    def __init__(self, retry_after: int, words: str = "Too many sign-ins have failed.") -> None:
        minutes = math.ceil(retry_after / 60)
        wait = f"{minutes} minutes" if minutes > 1 else f"{retry_after} seconds"
        super().__init__(f"{words} Wait {wait}, then try again.")
        self.retry_after = retry_after


class Throttles:
    """The counts. One transaction counts, before the password is looked at; another clears."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def attempt(self, account: str, address: str) -> None:
        """Counts an attempt as failed until `succeeded` says otherwise. Raises Throttled."""
        moment = now()
        limits = self._limits(account, address, moment)
        rows = {
            row.key: row
            for row in self._session.scalars(
                select(Throttle)
                .where(Throttle.key.in_(limits))
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        }
        waits = [row.until for row in rows.values() if row.until > moment]
        if waits:
            raise Throttled(max(1, math.ceil((max(waits) - moment).total_seconds())))
        for key, free in limits.items():
            row = rows.get(key)
            failures = 1 if row is None or moment - row.at > FORGET else row.failures + 1
            value = {
                "key": key,
                "failures": failures,
                "until": moment + _delay(failures, free),
                "at": moment,
            }
            # Another process may just have made the row.
            upsert(
                self._session, Throttle, [value], key=("key",), replace=("failures", "until", "at")
            )

    def pace(self, address: str) -> None:
        """Counts what needs no password, whoever asks. Raises Throttled when it is too much."""
        moment = now()
        key = _key("pace", address)
        row = self._session.get(Throttle, key, with_for_update=True, populate_existing=True)
        began, number = moment, 1
        if row is not None and moment - row.at < PACE_TIME:
            began, number = row.at, row.failures + 1
        if number > PACE:
            wait = math.ceil((began + PACE_TIME - moment).total_seconds())
            raise Throttled(max(1, wait), TOO_FAST)
        value = {"key": key, "failures": number, "until": moment, "at": began}
        upsert(self._session, Throttle, [value], key=("key",), replace=("failures", "until", "at"))

    def succeeded(self, account: str, address: str) -> None:
        """It was them: forgets their failures, and knows the address from now on."""
        moment = now()
        gone = [_key("account", account), _key("pair", account, address)]
        self._session.execute(delete(Throttle).where(Throttle.key.in_(gone)))
        known = {"key": _key("known", account, address), "failures": 0, "until": moment}
        upsert(self._session, Throttle, [{**known, "at": moment}], key=("key",), replace=("at",))

    def forget(self) -> None:
        """Remove what counts no more."""
        moment = now()
        old = (Throttle.failures > 0) & (Throttle.at <= moment - FORGET)
        self._session.execute(delete(Throttle).where(old | (Throttle.at <= moment - KNOWN)))

    def _limits(self, account: str, address: str, moment: datetime) -> dict[str, int]:
        """The keys that are counted, and how many failures each has for free."""
        row = self._session.get(Throttle, _key("known", account, address))
        if row is not None and row.at > moment - KNOWN:
            return {_key("pair", account, address): ACCOUNT_TRIES}
        return {_key("account", account): ACCOUNT_TRIES, _key("address", address): ADDRESS_TRIES}


def _delay(failures: int, free: int) -> timedelta:
    """1, 2, 4, 8 … seconds after so many failures."""
    over = failures - free
    return min(LONGEST, timedelta(seconds=2 ** min(over, 20))) if over >= 0 else timedelta()


def _key(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
