"""The lab: every use case a page or a command can ask for, grouped by subject."""

from __future__ import annotations

from sqlalchemy.orm import Session, sessionmaker

from mmdnet.settings import Settings
from mmdnet.workflows.augmenting.augmenting import Augmenting
from mmdnet.workflows.context import Queue
from mmdnet.workflows.evaluation.cross_validation import CrossValidation
from mmdnet.workflows.evaluation.evaluation import Evaluations
from mmdnet.workflows.evaluation.field import FieldExperiments
from mmdnet.workflows.health import Health
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.labelling.exchange.qupath import QuPath
from mmdnet.workflows.labelling.label_efficiency import LabelEfficiency
from mmdnet.workflows.labelling.labels import Labels
from mmdnet.workflows.next_step import Overview
from mmdnet.workflows.people.accounts import Accounts
from mmdnet.workflows.projects import Projects, Readers
from mmdnet.workflows.scoring.calibrating import Calibrations
from mmdnet.workflows.scoring.evidence_maps import EvidenceMaps
from mmdnet.workflows.scoring.models import Models
from mmdnet.workflows.scoring.predictions import Predictions
from mmdnet.workflows.scoring.project_reports import ProjectReports
from mmdnet.workflows.scoring.reports import Reports
from mmdnet.workflows.scoring.scores_again import ScoresAgain
from mmdnet.workflows.scoring.scoring import Scoring
from mmdnet.workflows.scoring.slide_truth import SlideTruths
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.ingest.tile_sets import TileSets
from mmdnet.workflows.slides.slides import Slides
from mmdnet.workflows.slides.stores import Store
from mmdnet.workflows.slides.tissue_map import TissueMaps
from mmdnet.workflows.training.backbones import Backbones
from mmdnet.workflows.training.learning import Learning
from mmdnet.workflows.training.search import Searches
from mmdnet.workflows.training.training import Training


class Lab:
    """What pages and commands hold. Everything it gives out is plain and frozen."""

    def __init__(self, settings: Settings, db: sessionmaker[Session], queue: Queue) -> None:
        services = Services(settings, db, queue)
        self.settings = settings
        self.db = db
        self.jobs = Jobs(services)
        self.health = Health(services)
        self.accounts = Accounts(services)
        self.projects = Projects(services)
        self.readers = Readers(services)
        self.slides = Slides(services, self.jobs)
        self.maps = TissueMaps(services, self.jobs)
        self.predictions = Predictions(services)
        self.truth = SlideTruths(services)
        self.labels = Labels(services, self.predictions, self._after_labels)
        self.qupath = QuPath(services, self.labels.files)
        self.label_efficiency = LabelEfficiency(services)
        self.tile_sets = TileSets(services)
        self.models = Models(services)
        self.calibrations = Calibrations(services, self.jobs)
        self.learning = Learning(services, self.jobs, self.labels.orders)
        self.backbones = Backbones(services, self.jobs)
        self.training = Training(services, self.jobs, self.labels.consensus, self.calibrations, self.backbones)
        self.searches = Searches(services, self.jobs, self.training)
        self.scoring = Scoring(services, self.jobs)
        self.evaluations = Evaluations(services, self.jobs, self.scoring)
        self.cross_validation = CrossValidation(services, self.jobs, self.training, self.evaluations)
        self.field = FieldExperiments(services, self.jobs, self.training, self.backbones)
        self.augmenting = Augmenting(services, self.jobs, self.training)
        self.reports = Reports(services)
        self.evidence_maps = EvidenceMaps(services, self.jobs)
        self.scores_again = ScoresAgain(services, self.jobs)
        self.project_reports = ProjectReports(services, self.scoring)
        self.store = Store(services)
        self.overview = Overview(self.models, self.jobs, self.training)

    def _after_labels(self, project_id: int) -> None:
        self.learning.after_labels(project_id)
