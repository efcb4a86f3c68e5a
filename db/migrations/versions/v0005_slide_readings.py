"""Visit, staining run and control of a slide; readings of whole slides as a chain of events; who is one patient.

Grades of whole slides that were kept one row a reader, the latest in place of those before, become the first readings
of that chain: those of a reader who signed a report of the slide as signed (a score was in view), others as imported.
"""

import hashlib
import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

GENESIS = "0" * 64
TASKS = ("ballooning", "inflammation", "steatosis")


def upgrade() -> None:
    for name in ("visit", "staining_run", "control"):
        op.add_column("slides", sa.Column(name, sa.String(), nullable=True))
    op.create_table(
        "patient_answers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("one_person", sa.Boolean(), nullable=False),
        sa.Column("set_by", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_patient_answers_project_id_projects"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["set_by"], ["readers.id"], name=op.f("fk_patient_answers_set_by_readers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_answers")),
    )
    op.create_index(op.f("ix_patient_answers_project_id"), "patient_answers", ["project_id"], unique=False)
    readings = op.create_table(
        "slide_readings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("slide_id", sa.Integer(), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in TASKS),
        sa.Column("nas", sa.Integer(), nullable=True),
        sa.Column("fibrosis", sa.String(), nullable=True),
        sa.Column("blinded", sa.Boolean(), nullable=False),
        sa.Column("read_on", sa.Date(), nullable=True),
        sa.Column("shown", sa.JSON(), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previous_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["slide_id"], ["slides.id"], name=op.f("fk_slide_readings_slide_id_slides")),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name=op.f("fk_slide_readings_reader_id_readers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slide_readings")),
        sa.UniqueConstraint("key", name=op.f("uq_slide_readings_key")),
    )
    op.create_index("ix_slide_readings_current", "slide_readings", ["slide_id", "reader_id", "id"], unique=False)
    _take_over(readings)
    op.drop_table("slide_grades")
    _refuse_changes("slide_readings")


def _take_over(readings: sa.Table) -> None:
    """The rows of `slide_grades` as events, in the order they were given; hashed as `db.slide_readings` does."""
    bind = op.get_bind()
    old = sa.table("slide_grades", *(sa.column(name) for name in ("id", "slide_id", "reader_id", *TASKS)),
                   sa.column("at", sa.DateTime(timezone=True)))  # fmt: skip
    signed = set(
        bind.execute(
            sa.text("SELECT scores.slide_id, o.reader_id FROM sign_offs o JOIN scores ON scores.id = o.score_id")
        )
        .tuples()
        .all()
    )
    previous, rows = GENESIS, []
    for row in bind.execute(sa.select(old).order_by(old.c.at, old.c.id)).mappings():
        at: datetime = row["at"] if row["at"].tzinfo else row["at"].replace(tzinfo=UTC)
        by_signature = (row["slide_id"], row["reader_id"]) in signed
        act, shown = "sign" if by_signature else "import", {"from": "slide_grades"}
        key = f"slide-grade-{row['id']}"
        grades = [row[name] for name in TASKS]
        fields = [key, row["slide_id"], row["reader_id"], act, *grades, None, None, int(not by_signature), None, None]
        text = "|".join("" if value is None else str(value) for value in fields)
        stamp = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        content = f"{previous}|{text}|{stamp}|{json.dumps(shown, sort_keys=True)}"
        hashed = hashlib.sha256(content.encode()).hexdigest()
        rows.append(
            {"key": key, "slide_id": row["slide_id"], "reader_id": row["reader_id"], "act": act}
            | dict(zip(TASKS, grades, strict=True))
            | {"nas": None, "fibrosis": None, "blinded": not by_signature, "read_on": None, "shown": shown}
            | {"took_ms": None, "at": at, "previous_hash": previous, "hash": hashed}
        )
        previous = hashed
    if rows:
        bind.execute(sa.insert(readings), rows)


def _refuse_changes(table: str) -> None:
    """UPDATE and DELETE on this table fail in the database itself, whoever asks."""
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_append_only()"
    )
