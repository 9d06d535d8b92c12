"""The first tables"""

import sqlalchemy as sa
from alembic import op
import packistry.models.base
from sqlalchemy.dialects import mysql
revision = '0001'
down_revision = None


def upgrade() -> None:
    op.create_table('counters',
    sa.Column('name', sa.String(length=50), nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_counters')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    op.create_table('intents',
    sa.Column('storage_key', sa.String(length=255), nullable=False),
    sa.Column('owner', sa.String(length=255), nullable=False),
    sa.Column('created_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('storage_key', name=op.f('pk_intents')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    op.create_table('leases',
    sa.Column('name', sa.String(length=50), nullable=False),
    sa.Column('owner', sa.String(length=255), nullable=False),
    sa.Column('until', packistry.models.base.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_leases')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    op.create_table('repositories',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('path', sa.String(length=100), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('public', sa.Boolean(), nullable=False),
    sa.Column('reserved_vendors', packistry.models.base.JSONText(), nullable=False),
    sa.Column('tag_policy', sa.Enum('protect', 'follow', name='tagpolicy', native_enum=False, length=20), nullable=False),
    sa.Column('created_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_repositories')),
    sa.UniqueConstraint('name', name=op.f('uq_repositories_name')),
    sa.UniqueConstraint('path', name=op.f('uq_repositories_path')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    op.create_table('settings',
    sa.Column('name', sa.String(length=50), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_settings')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    op.create_table('sources',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uid', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('provider', sa.String(length=100), nullable=False),
    sa.Column('config', packistry.models.base.JSONText(), nullable=False),
    sa.Column('secrets', sa.Text(), nullable=False),
    sa.Column('dists', sa.Enum('eager', 'lazy', name='dists', native_enum=False, length=20), nullable=False),
    sa.Column('created_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sources')),
    sa.UniqueConstraint('name', name=op.f('uq_sources_name')),
    sa.UniqueConstraint('uid', name=op.f('uq_sources_uid')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    op.create_table('users',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('email', sa.String(length=255), nullable=False),
    sa.Column('role', sa.Enum('admin', 'user', name='role', native_enum=False, length=20), nullable=False),
    sa.Column('password_hash', sa.String(length=255), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_users')),
    sa.UniqueConstraint('email', name=op.f('uq_users_email')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    op.create_table('projects',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uid', sa.String(length=32), nullable=False),
    sa.Column('source_id', sa.Integer(), nullable=False),
    sa.Column('external_id', sa.String(length=500), nullable=False),
    sa.Column('path', sa.String(length=500), nullable=False),
    sa.Column('web_url', sa.Text(), nullable=False),
    sa.Column('clone_url', sa.Text(), nullable=False),
    sa.Column('default_branch', sa.String(length=255), nullable=True),
    sa.Column('archived', sa.Boolean(), nullable=False),
    sa.Column('unreachable', sa.Text(), nullable=False),
    sa.Column('synced_at', packistry.models.base.UTCDateTime(), nullable=True),
    sa.Column('next_look_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.Column('created_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['source_id'], ['sources.id'], name=op.f('fk_projects_source_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_projects')),
    sa.UniqueConstraint('source_id', 'external_id', name=op.f('uq_projects_source_id_external_id')),
    sa.UniqueConstraint('uid', name=op.f('uq_projects_uid')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('projects', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_projects_next_look_at'), ['next_look_at'], unique=False)

    op.create_table('tokens',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.Enum('pkpat', 'pkdt', name='tokenkind', native_enum=False, length=20), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('can_read', sa.Boolean(), nullable=False),
    sa.Column('can_write', sa.Boolean(), nullable=False),
    sa.Column('expires_at', packistry.models.base.UTCDateTime(), nullable=True),
    sa.Column('revoked_at', packistry.models.base.UTCDateTime(), nullable=True),
    sa.Column('last_used_at', packistry.models.base.UTCDateTime(), nullable=True),
    sa.Column('created_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_tokens_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tokens')),
    sa.UniqueConstraint('hash', name=op.f('uq_tokens_hash')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    op.create_table('packages',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uid', sa.String(length=32), nullable=False),
    sa.Column('repository_id', sa.Integer(), nullable=False),
    sa.Column('project_id', sa.Integer(), nullable=True),
    sa.Column('subdirectory', sa.String(length=255), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=True),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('type', sa.String(length=255), nullable=False),
    sa.Column('keywords', packistry.models.base.JSONText(), nullable=False),
    sa.Column('dists', sa.Enum('eager', 'lazy', name='dists', native_enum=False, length=20), nullable=True),
    sa.Column('abandoned', packistry.models.base.JSONText(), nullable=False),
    sa.Column('readme', sa.Text().with_variant(mysql.LONGTEXT(), 'mariadb').with_variant(mysql.LONGTEXT(), 'mysql'), nullable=False),
    sa.Column('stale', sa.Boolean(), nullable=False),
    sa.Column('created_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['project_id'], ['projects.id'], name=op.f('fk_packages_project_id'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['repository_id'], ['repositories.id'], name=op.f('fk_packages_repository_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_packages')),
    sa.UniqueConstraint('repository_id', 'name', name=op.f('uq_packages_repository_id_name')),
    sa.UniqueConstraint('uid', name=op.f('uq_packages_uid')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('packages', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_packages_name'), ['name'], unique=False)
        batch_op.create_index(batch_op.f('ix_packages_project_id'), ['project_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_packages_stale'), ['stale'], unique=False)

    op.create_table('syncs',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('project_id', sa.Integer(), nullable=False),
    sa.Column('reason', sa.Enum('added', 'manual', 'reconcile', 'webhook', name='syncreason', native_enum=False, length=20), nullable=False),
    sa.Column('state', sa.Enum('queued', 'running', 'done', 'failed', 'cancelled', name='syncstate', native_enum=False, length=20), nullable=False),
    sa.Column('not_before', packistry.models.base.UTCDateTime(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('owner', sa.String(length=255), nullable=False),
    sa.Column('heartbeat_at', packistry.models.base.UTCDateTime(), nullable=True),
    sa.Column('done', sa.Integer(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('requested_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.Column('started_at', packistry.models.base.UTCDateTime(), nullable=True),
    sa.Column('finished_at', packistry.models.base.UTCDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['project_id'], ['projects.id'], name=op.f('fk_syncs_project_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_syncs')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('syncs', schema=None) as batch_op:
        batch_op.create_index('ix_syncs_project_state', ['project_id', 'state'], unique=False)
        batch_op.create_index(batch_op.f('ix_syncs_state'), ['state'], unique=False)

    op.create_table('dists',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('package_id', sa.Integer(), nullable=False),
    sa.Column('reference', sa.String(length=64), nullable=False),
    sa.Column('storage_key', sa.String(length=255), nullable=False),
    sa.Column('sha1', sa.String(length=40), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('wanted_at', packistry.models.base.UTCDateTime(), nullable=True),
    sa.Column('failure', sa.Text(), nullable=False),
    sa.Column('created_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['package_id'], ['packages.id'], name=op.f('fk_dists_package_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dists')),
    sa.UniqueConstraint('package_id', 'reference', name=op.f('uq_dists_package_id_reference')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('dists', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_dists_wanted_at'), ['wanted_at'], unique=False)

    op.create_table('documents',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('package_id', sa.Integer(), nullable=False),
    sa.Column('channel', sa.Enum('stable', 'dev', name='channel', native_enum=False, length=20), nullable=False),
    sa.Column('body', sa.LargeBinary().with_variant(mysql.LONGBLOB(), 'mariadb').with_variant(mysql.LONGBLOB(), 'mysql'), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('modified', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['package_id'], ['packages.id'], name=op.f('fk_documents_package_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_documents')),
    sa.UniqueConstraint('package_id', 'channel', name=op.f('uq_documents_package_id_channel')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    op.create_table('downloads',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('package_id', sa.Integer(), nullable=False),
    sa.Column('version', sa.String(length=300), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('downloads', sa.Integer(), nullable=False),
    sa.Column('installs', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['package_id'], ['packages.id'], name=op.f('fk_downloads_package_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_downloads')),
    sa.UniqueConstraint('package_id', 'version', 'day', name=op.f('uq_downloads_package_id_version_day')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('downloads', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_downloads_day'), ['day'], unique=False)

    op.create_table('grants',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('token_id', sa.Integer(), nullable=True),
    sa.Column('repository_id', sa.Integer(), nullable=True),
    sa.Column('package_id', sa.Integer(), nullable=True),
    sa.Column('can_read', sa.Boolean(), nullable=False),
    sa.Column('can_write', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['package_id'], ['packages.id'], name=op.f('fk_grants_package_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['repository_id'], ['repositories.id'], name=op.f('fk_grants_repository_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['token_id'], ['tokens.id'], name=op.f('fk_grants_token_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_grants_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_grants')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('grants', schema=None) as batch_op:
        batch_op.create_index('ix_grants_token', ['token_id'], unique=False)
        batch_op.create_index('ix_grants_user', ['user_id'], unique=False)

    op.create_table('ref_verdicts',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('package_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('ref', sa.String(length=300), nullable=False),
    sa.Column('reference', sa.String(length=64), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['package_id'], ['packages.id'], name=op.f('fk_ref_verdicts_package_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ref_verdicts')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('ref_verdicts', schema=None) as batch_op:
        batch_op.create_index('ix_ref_verdicts_package', ['package_id', 'kind', 'ref'], unique=True)

    op.create_table('sync_items',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('sync_id', sa.Integer(), nullable=False),
    sa.Column('package_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('ref', sa.String(length=300), nullable=False),
    sa.Column('reference', sa.String(length=64), nullable=False),
    sa.Column('outcome', sa.Enum('imported', 'updated', 'removed', 'skipped', 'held', 'failed', name='outcome', native_enum=False, length=20), nullable=False),
    sa.Column('version', sa.String(length=300), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['package_id'], ['packages.id'], name=op.f('fk_sync_items_package_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['sync_id'], ['syncs.id'], name=op.f('fk_sync_items_sync_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sync_items')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('sync_items', schema=None) as batch_op:
        batch_op.create_index('ix_sync_items_package', ['package_id', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_sync_items_sync_id'), ['sync_id'], unique=False)

    op.create_table('versions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('package_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=300), nullable=False),
    sa.Column('normalized', sa.String(length=300), nullable=False),
    sa.Column('stability', sa.String(length=10), nullable=False),
    sa.Column('kind', sa.Enum('branch', 'tag', 'upload', name='versionkind', native_enum=False, length=20), nullable=False),
    sa.Column('ref', sa.String(length=255), nullable=False),
    sa.Column('reference', sa.String(length=64), nullable=False),
    sa.Column('held_reference', sa.String(length=64), nullable=False),
    sa.Column('committed_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.Column('default_branch', sa.Boolean(), nullable=False),
    sa.Column('manifest', packistry.models.base.JSONText(), nullable=False),
    sa.Column('dist_id', sa.Integer(), nullable=True),
    sa.Column('yanked_at', packistry.models.base.UTCDateTime(), nullable=True),
    sa.Column('created_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['dist_id'], ['dists.id'], name=op.f('fk_versions_dist_id')),
    sa.ForeignKeyConstraint(['package_id'], ['packages.id'], name=op.f('fk_versions_package_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_versions')),
    sa.UniqueConstraint('package_id', 'normalized', name=op.f('uq_versions_package_id_normalized')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('versions', schema=None) as batch_op:
        batch_op.create_index('ix_versions_package_ref', ['package_id', 'kind', 'ref'], unique=False)

    counters = sa.table("counters", sa.column("name"), sa.column("value"))
    op.bulk_insert(counters, [{"name": "generation", "value": 1}, {"name": "floor", "value": 0}])


def downgrade() -> None:
    with op.batch_alter_table('versions', schema=None) as batch_op:
        batch_op.drop_index('ix_versions_package_ref')

    op.drop_table('versions')
    with op.batch_alter_table('sync_items', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sync_items_sync_id'))
        batch_op.drop_index('ix_sync_items_package')

    op.drop_table('sync_items')
    with op.batch_alter_table('ref_verdicts', schema=None) as batch_op:
        batch_op.drop_index('ix_ref_verdicts_package')

    op.drop_table('ref_verdicts')
    with op.batch_alter_table('grants', schema=None) as batch_op:
        batch_op.drop_index('ix_grants_user')
        batch_op.drop_index('ix_grants_token')

    op.drop_table('grants')
    with op.batch_alter_table('downloads', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_downloads_day'))

    op.drop_table('downloads')
    op.drop_table('documents')
    with op.batch_alter_table('dists', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_dists_wanted_at'))

    op.drop_table('dists')
    with op.batch_alter_table('syncs', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_syncs_state'))
        batch_op.drop_index('ix_syncs_project_state')

    op.drop_table('syncs')
    with op.batch_alter_table('packages', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_packages_stale'))
        batch_op.drop_index(batch_op.f('ix_packages_project_id'))
        batch_op.drop_index(batch_op.f('ix_packages_name'))

    op.drop_table('packages')
    op.drop_table('tokens')
    with op.batch_alter_table('projects', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_projects_next_look_at'))

    op.drop_table('projects')
    op.drop_table('users')
    op.drop_table('sources')
    op.drop_table('settings')
    op.drop_table('repositories')
    op.drop_table('leases')
    op.drop_table('intents')
    op.drop_table('counters')
