"""Pins of tags: what a protected tag was, and what was decided about it"""

import re

import sqlalchemy as sa
from alembic import op

import packistry.models.base

revision = "0002"
down_revision = "0001"

POLICY = sa.Enum("protect", "follow", name="tagpolicy", native_enum=False, length=20)

# "1.01.0.0" and "1.1.0.0" are one version.
LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")


def upgrade() -> None:
    pins = op.create_table(
        "tag_pins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("package", sa.String(length=255), nullable=False),
        sa.Column("identity", sa.String(length=300), nullable=False),
        sa.Column("version", sa.String(length=300), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("ref", sa.String(length=255), nullable=False),
        sa.Column("held_reference", sa.String(length=64), nullable=False),
        sa.Column("held_at", packistry.models.base.UTCDateTime(), nullable=True),
        sa.Column("accepted_reference", sa.String(length=64), nullable=False),
        sa.Column("refused_reference", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_tag_pins_repository_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_pins")),
        sa.UniqueConstraint(
            "repository_id",
            "package",
            "identity",
            name=op.f("uq_tag_pins_repository_id_package_identity"),
        ),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    for table in ("packages", "sources"):
        op.add_column(table, sa.Column("tag_policy", POLICY, nullable=True))
    held = op.get_bind().execute(
        sa.text(
            "SELECT p.repository_id, p.name AS package, v.name AS version, v.normalized, "
            "v.reference, v.ref, v.held_reference, v.created_at AS held_at FROM versions v "
            "JOIN packages p ON p.id = v.package_id "
            "WHERE v.held_reference <> '' AND p.name IS NOT NULL"
        ).columns(held_at=packistry.models.base.UTCDateTime())
    )
    rows = [
        {
            **{name: value for name, value in row._mapping.items() if name != "normalized"},
            "identity": LEADING_ZEROS.sub("", row.normalized),
            "accepted_reference": "",
            "refused_reference": "",
        }
        for row in held
    ]
    op.bulk_insert(pins, rows)
    op.drop_column("versions", "held_reference")
