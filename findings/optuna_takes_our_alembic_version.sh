#!/usr/bin/env bash
# optuna 5.0.0: RDBStorage takes the `alembic_version` of another program in the same database for its own.
#
# Expected: trials can stand beside a laboratory's tables in one database, so that one backup holds both: optuna's
#           version table has a name of its own (Alembic: `version_table`), or a database with a foreign one is refused.
# Seen:     its tables are made first; then the other program's revision is read as optuna's, and the storage says that
#           "optuna version 5.0.0 is no longer compatible with the table schema (set up by optuna 5.0.0)" and asks for an
#           update of optuna. The tables stay. The other way round, with optuna's tables there first, the program's own
#           migration ends in "Can't locate revision".
# For a lab: a search whose study is kept "on the lab's own database by URL" either never starts, with advice that cannot
#           help, or stops the lab's next migration.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    optuna==5.0.0 alembic==1.20.1 sqlalchemy==2.1.9 numpy==2.4.6

cat > "$place/look.py" <<'PY'
import sqlite3
import sys
from pathlib import Path

import optuna
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError

place = Path(sys.argv[1])
(place / "chain" / "versions").mkdir(parents=True)
(place / "chain" / "env.py").write_text(
    "from alembic import context\n"
    "from sqlalchemy import create_engine\n"
    "with create_engine(context.config.get_main_option('sqlalchemy.url')).connect() as connection:\n"
    "    context.configure(connection=connection)\n"
    "    with context.begin_transaction():\n"
    "        context.run_migrations()\n"
)
(place / "chain" / "versions" / "first.py").write_text(
    "import sqlalchemy as sa\n"
    "from alembic import op\n"
    "revision, down_revision = 'lab0001', None\n"
    "def upgrade():\n"
    "    op.create_table('slides', sa.Column('id', sa.Integer, primary_key=True))\n"
)


def migrate(file: Path) -> str:
    config = Config()
    config.set_main_option("script_location", str(place / "chain"))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{file}")
    try:
        command.upgrade(config, "head")
        return "migrated"
    except CommandError as error:
        return str(error)


def search(file: Path) -> str:
    try:
        optuna.storages.RDBStorage(f"sqlite:///{file}")
        return "opened"
    except RuntimeError as error:
        return str(error)


def tables(file: Path) -> int:
    return len(sqlite3.connect(file).execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall())


lab, other = place / "lab.sqlite", place / "other.sqlite"
migrate(lab)
before, said, after = tables(lab), search(lab), tables(lab)
print("optuna after the program:", said, f"({before} tables before, {after} after)")
opened, chain = search(other), migrate(other)
print("the program after optuna:", opened, "/", chain)
refused = "no longer compatible with the table schema (set up by optuna 5.0.0)" in said
raise SystemExit(0 if refused and (before, after) == (2, 14) and opened == "opened" and "locate" in chain else 1)
PY
"$place/venv/bin/python" "$place/look.py" "$place" 2> "$place/log" || { cat "$place/log"; echo "Changed."; exit 1; }
echo "As described."
