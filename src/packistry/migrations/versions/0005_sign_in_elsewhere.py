"""Sign-in elsewhere"""

import sqlalchemy as sa
from alembic import op
import packistry.models.base

revision = '0005'
down_revision = '0004'


def upgrade() -> None:
    op.create_table('authentication_sources',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uid', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('icon', sa.Text(), nullable=False),
    sa.Column('provider', sa.String(length=100), nullable=False),
    sa.Column('config', packistry.models.base.JSONText(), nullable=False),
    sa.Column('secrets', sa.Text(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('registration', sa.Boolean(), nullable=False),
    sa.Column('default_role', sa.Enum('admin', 'user', name='role', native_enum=False, length=20), nullable=False),
    sa.Column('allowed_domains', packistry.models.base.JSONText(), nullable=False),
    sa.Column('trusted', sa.Boolean(), nullable=False),
    sa.Column('single_sign_out', sa.Boolean(), nullable=False),
    sa.Column('created_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_authentication_sources')),
    sa.UniqueConstraint('name', name=op.f('uq_authentication_sources_name')),
    sa.UniqueConstraint('uid', name=op.f('uq_authentication_sources_uid')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    op.create_table('identities',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('source_id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('subject', sa.String(length=255), nullable=False),
    sa.Column('email', sa.String(length=255), nullable=False),
    sa.Column('evidence', sa.String(length=255), nullable=False),
    sa.Column('role', sa.Enum('admin', 'user', name='role', native_enum=False, length=20), nullable=True),
    sa.Column('suspended', sa.Boolean(), nullable=False),
    sa.Column('created_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.Column('used_at', packistry.models.base.UTCDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['source_id'], ['authentication_sources.id'], name=op.f('fk_identities_source_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_identities_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_identities')),
    sa.UniqueConstraint('source_id', 'subject', name=op.f('uq_identities_source_id_subject')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('identities', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_identities_user_id'), ['user_id'], unique=False)

    op.create_table('claim_rules',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('source_id', sa.Integer(), nullable=False),
    sa.Column('claim', sa.String(length=255), nullable=False),
    sa.Column('value', sa.String(length=255), nullable=False),
    sa.Column('role', sa.Enum('admin', 'user', name='role', native_enum=False, length=20), nullable=True),
    sa.Column('repository_id', sa.Integer(), nullable=True),
    sa.Column('package_id', sa.Integer(), nullable=True),
    sa.Column('can_read', sa.Boolean(), nullable=False),
    sa.Column('can_write', sa.Boolean(), nullable=False),
    sa.Column('can_manage', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['package_id'], ['packages.id'], name=op.f('fk_claim_rules_package_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['repository_id'], ['repositories.id'], name=op.f('fk_claim_rules_repository_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['source_id'], ['authentication_sources.id'], name=op.f('fk_claim_rules_source_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_claim_rules')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('claim_rules', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_claim_rules_source_id'), ['source_id'], unique=False)

    with op.batch_alter_table('grants', schema=None) as batch_op:
        batch_op.add_column(sa.Column('given_by', sa.Integer(), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_grants_given_by'), 'authentication_sources', ['given_by'], ['id'], ondelete='CASCADE')

    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.add_column(sa.Column('email_proven', sa.Boolean(), server_default=sa.true(), nullable=False))
        batch_op.alter_column('email',
               existing_type=sa.VARCHAR(length=255),
               nullable=True)
