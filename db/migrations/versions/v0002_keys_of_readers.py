"""Each reader's own keys of the labelling canvas."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("readers", sa.Column("keys", sa.JSON(), nullable=False, server_default="{}"))
