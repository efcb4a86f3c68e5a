"""When a job begins: after another, not before a time; which jobs came of one press; whose end is to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"

NAMES = ("press", "after_id", "not_before", "attend")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("press", sa.String(), nullable=True))
    op.add_column("jobs", sa.Column("after_id", sa.String(), nullable=True))
    op.add_column("jobs", sa.Column("not_before", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("attend", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_jobs_attend", "jobs", ["attend"])


def downgrade() -> None:
    op.drop_index("ix_jobs_attend", "jobs")
    for name in NAMES:
        op.drop_column("jobs", name)
