"""Many projects at once: what is added by itself, and what is not"""

import sqlalchemy as sa
from alembic import op

import packistry.models.base

revision = "0009"
down_revision = "0008"

TABLE = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}


def upgrade() -> None:
    op.create_table(
        "auto_imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("patterns", packistry.models.base.JSONText(), nullable=False),
        sa.Column("due_at", packistry.models.base.UTCDateTime(), nullable=False),
        sa.Column("looked_at", packistry.models.base.UTCDateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_at", packistry.models.base.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_auto_imports_repository_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["sources.id"],
            name=op.f("fk_auto_imports_source_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auto_imports")),
        sa.UniqueConstraint("source_id", name=op.f("uq_auto_imports_source_id")),
        **TABLE,
    )
    op.create_index(op.f("ix_auto_imports_due_at"), "auto_imports", ["due_at"])
    op.create_table(
        "passed_projects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(length=500), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("pushed", sa.String(length=255), nullable=False),
        sa.Column("looked_at", packistry.models.base.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_passed_projects_repository_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["sources.id"],
            name=op.f("fk_passed_projects_source_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passed_projects")),
        sa.UniqueConstraint(
            "source_id",
            "repository_id",
            "external_id",
            name=op.f("uq_passed_projects_source_id_repository_id_external_id"),
        ),
        **TABLE,
    )
    trial = sa.Column("on_trial", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("packages", trial)
