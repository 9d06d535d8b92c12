"""What lists are sorted by beside each package, downloads by day, and what words are found by"""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from packistry.models.base import JSONText
from packistry.models.gram import grams, said

revision = "0020"
down_revision = "0019"

AT_ONCE = 500
TABLE = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
GRAMS = sa.table("grams", sa.column("gram"), sa.column("package_id"))
PACKAGES = sa.table(
    "packages",
    sa.column("id"),
    sa.column("name"),
    sa.column("description"),
    sa.column("keywords", JSONText()),
)


def upgrade() -> None:
    _columns()
    _tables()
    _sums()
    _grams()
    for column in ("modified", "week_downloads", "quarter_downloads"):
        op.create_index(f"ix_packages_{column}_id", "packages", [column, "id"])
    op.create_index("ix_packages_type_id", "packages", ["type", "id"])
    op.create_index("ix_packages_source_id", "packages", ["source_id"])
    op.create_index("ix_projects_away_source_id", "projects", ["away", "source_id"])
    op.create_index("ix_webhooks_state", "webhooks", ["state", "source_id", "project_id"])


def _columns() -> None:
    for name, kind in (
        ("modified", sa.BigInteger()),
        ("week_downloads", sa.Integer()),
        ("quarter_downloads", sa.Integer()),
    ):
        op.add_column("packages", sa.Column(name, kind, nullable=False, server_default="0"))
    op.add_column("packages", sa.Column("source_id", sa.Integer(), nullable=True))
    away = sa.Column("away", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("projects", away)


def _tables() -> None:
    op.create_table(
        "download_days",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("downloads", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_download_days_repository_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_download_days")),
        sa.UniqueConstraint(
            "day", "repository_id", name=op.f("uq_download_days_day_repository_id")
        ),
        **TABLE,
    )
    op.create_index(op.f("ix_download_days_repository_id"), "download_days", ["repository_id"])
    op.create_table(
        "grams",
        sa.Column("gram", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("package_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["package_id"], ["packages.id"], name=op.f("fk_grams_package_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("gram", "package_id", name=op.f("pk_grams")),
        sqlite_with_rowid=False,
        **TABLE,
    )
    op.create_index(op.f("ix_grams_package_id"), "grams", ["package_id"])


def _sums() -> None:
    today = datetime.now(UTC).date()
    for statement in (
        "UPDATE packages SET modified = COALESCE("
        "(SELECT MAX(modified) FROM documents WHERE package_id = packages.id), 0)",
        "UPDATE packages SET source_id = "
        "(SELECT source_id FROM projects WHERE id = packages.project_id)",
        "UPDATE projects SET away = :yes WHERE unreachable <> ''",
        "INSERT INTO download_days (day, repository_id, downloads) "
        "SELECT downloads.day, packages.repository_id, SUM(downloads.downloads) FROM downloads "
        "JOIN packages ON packages.id = downloads.package_id "
        "GROUP BY downloads.day, packages.repository_id",
        "INSERT INTO counters (name, value) VALUES ('downloads', :today)",
    ):
        values = {"yes": True, "today": today.toordinal()}
        used = {name: value for name, value in values.items() if f":{name}" in statement}
        op.execute(sa.text(statement).bindparams(**used))
    for column, days in (("week_downloads", 7), ("quarter_downloads", 84)):
        first = sa.bindparam("first", today - timedelta(days=days - 1), sa.Date())
        op.execute(
            sa.text(
                f"UPDATE packages SET {column} = COALESCE((SELECT SUM(downloads) FROM downloads "  # noqa: S608 - our own words
                "WHERE package_id = packages.id AND day >= :first), 0)"
            ).bindparams(first)
        )


def _grams() -> None:
    """Some packages at a time, however many there are."""
    connection, last = op.get_bind(), 0
    query = sa.select(PACKAGES).order_by(PACKAGES.c.id).limit(AT_ONCE)
    while some := connection.execute(query.where(PACKAGES.c.id > last)).all():
        last = some[-1].id
        connection.execute(sa.insert(GRAMS), [row for each in some for row in _rows(each)])


def _rows(package: Any) -> list[dict[str, int]]:
    text = said(package.name, package.description, package.keywords)
    return [{"gram": gram, "package_id": package.id} for gram in sorted(grams(text))]
