"""Filters of branches and tags"""

import sqlalchemy as sa
from alembic import op

import packistry.models.base

revision = "0006"
down_revision = "0005"

LISTS = ("branches", "exclude_branches", "tags", "exclude_tags")


def upgrade() -> None:
    for table in ("packages", "sources"):
        for name in LISTS:
            column = sa.Column(name, packistry.models.base.JSONText(), nullable=True)
            op.add_column(table, column)
