"""Dists of branches: which they were, and how many are kept"""

import sqlalchemy as sa
from alembic import op

import packistry.models.base

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "branch_heads",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("package_id", sa.Integer(), nullable=False),
        sa.Column("branch", sa.String(length=255), nullable=False),
        sa.Column("dist_id", sa.Integer(), nullable=False),
        sa.Column("at", packistry.models.base.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dist_id"], ["dists.id"], name=op.f("fk_branch_heads_dist_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["package_id"],
            ["packages.id"],
            name=op.f("fk_branch_heads_package_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_branch_heads")),
        sa.UniqueConstraint(
            "package_id",
            "branch",
            "dist_id",
            name=op.f("uq_branch_heads_package_id_branch_dist_id"),
        ),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_branch_heads_dist_id"), "branch_heads", ["dist_id"])
    op.add_column("packages", sa.Column("keep_dists", sa.Integer(), nullable=True))
    kept = sa.Column("keep_dists", sa.Integer(), nullable=False, server_default="0")
    op.add_column("sources", kept)
    tagged = sa.Column("tagged", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("dists", tagged)
    op.execute(
        "INSERT INTO branch_heads (package_id, branch, dist_id, at) "
        "SELECT package_id, ref, dist_id, committed_at FROM versions "
        "WHERE kind = 'branch' AND dist_id IS NOT NULL"
    )
    op.execute(
        sa.text(
            "UPDATE dists SET tagged = :yes WHERE id IN "
            "(SELECT dist_id FROM versions WHERE kind = 'tag' AND dist_id IS NOT NULL)"
        ).bindparams(yes=True)
    )
