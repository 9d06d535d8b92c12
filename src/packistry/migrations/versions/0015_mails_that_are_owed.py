"""Mails that are owed"""

import sqlalchemy as sa
from alembic import op

import packistry.models.base

revision = "0015"
down_revision = "0014"

MOMENT = packistry.models.base.UTCDateTime()


def upgrade() -> None:
    op.create_table(
        "owed_mails",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum("invitation", "password", name="purpose", native_enum=False, length=20),
            nullable=False,
        ),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owed_mails")),
        sa.UniqueConstraint("email", "purpose", name=op.f("uq_owed_mails_email_purpose")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_owed_mails_due_at"), "owed_mails", ["due_at"])
