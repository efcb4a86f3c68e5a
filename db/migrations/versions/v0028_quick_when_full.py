"""Indexes by which a full lab's pages count patches, find what a session has labelled, and list the newest jobs."""

from alembic import op

revision = "0028"
down_revision = "0025"

INDEXES = (
    ("ix_patches_usable", "patches", ["slide_id", "set_aside", "overruled"]),
    ("ix_label_events_session", "label_events", ["session_id", "patch_id", "id"]),
    ("ix_jobs_newest", "jobs", ["created_at"]),
)


def upgrade() -> None:
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, table, _ in INDEXES:
        op.drop_index(name, table)
