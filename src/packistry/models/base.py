"""What all rows share: naming, and column types that mean the same on three databases."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import DateTime, Enum, LargeBinary, MetaData, String, Text, TypeDecorator
from sqlalchemy.dialects.mysql import DATETIME, LONGBLOB, LONGTEXT
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# MariaDB compares strings without regard to case unless it is told otherwise: dev-Foo and dev-foo
# are two versions.
TABLE = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime, stored without zone, to the microsecond."""

    impl = DateTime().with_variant(DATETIME(fsp=6), "mysql", "mariadb")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def word(kind: type[StrEnum]) -> Enum:
    """A column of one of these words, which comes back as a member of `kind`."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=20,
        values_callable=lambda members: [member.value for member in members],
    )


LongText = Text().with_variant(LONGTEXT(), "mysql", "mariadb")
LongBlob = LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb")


class JSONText(TypeDecorator[Any]):
    """JSON that keeps the order of keys: MySQL's own JSON type sorts them, Composer shows them."""

    impl = LongText
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class Base(DeclarativeBase):
    """The base of every row."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {str: String(255), datetime: UTCDateTime()}
    __table_args__: Any = TABLE


def now() -> datetime:
    """The present, as an aware UTC datetime."""
    return datetime.now(UTC)


def new_uid() -> str:
    """A random name for a row that outlives renames and is known before the row is stored."""
    return uuid4().hex
