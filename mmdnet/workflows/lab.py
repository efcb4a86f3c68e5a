"""The lab: every use case a page or a command can ask for, grouped by subject."""

from __future__ import annotations

from sqlalchemy.orm import Session, sessionmaker

from mmdnet.settings import Settings
from mmdnet.workflows.atlas import Atlas
from mmdnet.workflows.base import Desk
from mmdnet.workflows.context import Queue
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.label_bulk import Bulk
from mmdnet.workflows.label_economy import LabelEconomy
from mmdnet.workflows.labelling import Labels
from mmdnet.workflows.models import Models
from mmdnet.workflows.overview import Overview
from mmdnet.workflows.predictions import Predictions
from mmdnet.workflows.projects import Projects, Readers
from mmdnet.workflows.qupath import QuPath
from mmdnet.workflows.reports import Reports
from mmdnet.workflows.scoring import Scoring
from mmdnet.workflows.slides import Slides
from mmdnet.workflows.store import Store
from mmdnet.workflows.suggestions import Suggestions
from mmdnet.workflows.tile_sets import TileSets
from mmdnet.workflows.tissue_map import TissueMaps
from mmdnet.workflows.training import Training


class Lab:
    """What pages and commands hold. Everything it gives out is plain and frozen."""

    def __init__(self, settings: Settings, db: sessionmaker[Session], queue: Queue) -> None:
        desk = Desk(settings, db, queue)
        self.settings = settings
        self.db = db
        self.jobs = Jobs(desk)
        self.projects = Projects(desk)
        self.readers = Readers(desk)
        self.slides = Slides(desk, self.jobs)
        self.maps = TissueMaps(desk, self.jobs)
        self.labels = Labels(desk)
        self.qupath = QuPath(desk, self.labels)
        self.bulk = Bulk(desk, self.labels)
        self.economy = LabelEconomy(desk)
        self.tile_sets = TileSets(desk)
        self.models = Models(desk)
        self.training = Training(desk, self.jobs, self.labels)
        self.scoring = Scoring(desk, self.jobs)
        self.predictions = Predictions(desk)
        self.suggestions = Suggestions(desk, self.predictions)
        self.atlas = Atlas(desk)
        self.reports = Reports(desk, self.slides)
        self.store = Store(desk)
        self.overview = Overview(self.projects, self.slides, self.models, self.jobs)
