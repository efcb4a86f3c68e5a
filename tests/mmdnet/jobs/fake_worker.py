"""A worker for the fake child: HOME SLOT QUEUES LEASE_S until-empty|for-ever [DATABASE_URL]."""

import sys
from pathlib import Path

from mmdnet.jobs.worker import run_worker
from mmdnet.settings import Settings

home, slot, queues, lease_s, until, *url = sys.argv[1:]
child = (sys.executable, str(Path(__file__).with_name("fake_child.py")))
settings = Settings(home=Path(home), database_url=url[0] if url else "")
until_empty = until == "until-empty"
run_worker(settings, slot, queues.split(","), child=child, lease_s=float(lease_s), until_empty=until_empty)
