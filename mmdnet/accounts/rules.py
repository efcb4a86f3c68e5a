"""What each use case of the lab asks of a person: the one place where that is written.

A use case is named as it is reached from the lab (`labels.acts.put`). One that is not named here is refused, so a new
one is closed until its rule is written; `tests/mmdnet/accounts/test_rules.py` names what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mmdnet.accounts.roles import May


class Whose(Enum):
    """Whose a named reader, or a label session, may be."""

    ANYBODYS = "anybody's"
    OWN = "the person's own"
    OWN_OR_COMPARED = "the person's own, or anybody's for who may see other readers' grades"
    OWN_OR_EXPORTED = "the person's own, or anybody's for who may take out all labels"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a use case asks.

    Attributes:
        may: what the person's role in every project that is touched must allow.
        whose: whose the reader (`reader_id`, `seen_by`, `set_by`, or the label session's) may be.
        kinds: what it takes instead where the argument `kind` has one of these values.
        logged: the act in the log of access; "" where none is written.
        filtered: it touches no project by its arguments; what it gives is cut to the projects one may see.
        confirmed: it is asked again who it is, and the argument `account` is that person.
    """

    may: May
    whose: Whose = Whose.ANYBODYS
    kinds: Mapping[str, May] = field(default_factory=dict)
    logged: str = ""
    filtered: bool = False
    confirmed: bool = False


SEE, OWN_LABEL, MANAGE = Rule(May.SEE), Rule(May.LABEL, Whose.OWN), Rule(May.MANAGE)
COMPARE, ADMINISTER, AUDIT = Rule(May.COMPARE), Rule(May.ADMINISTER), Rule(May.AUDIT)
WORKERS = Rule(May.SYSTEM)
SETTLING = {"adjudication": May.SETTLE, "adjudicate": May.SETTLE}
VIEWED, TAKEN_OUT, DELETED = "view", "export", "delete"

RULES: Mapping[str, Rule] = {
    "jobs.cancel": MANAGE,
    "jobs.folder": WORKERS,
    "jobs.get": SEE,
    "jobs.list": Rule(May.SEE, filtered=True),
    "jobs.log": SEE,
    "jobs.retry": MANAGE,
    "jobs.submit": WORKERS,
    "health.now": Rule(May.SEE, filtered=True),
    "projects.create": MANAGE,
    "projects.get": SEE,
    "projects.holds": SEE,
    "projects.list": Rule(May.SEE, filtered=True),
    "projects.named": MANAGE,
    "projects.names": Rule(May.SEE, filtered=True),
    "projects.remove": Rule(May.MANAGE, logged=DELETED),
    "readers.ensure": ADMINISTER,
    "readers.get": Rule(May.SEE, filtered=True),
    "readers.keys": Rule(May.SEE, Whose.OWN, filtered=True),
    "readers.list": Rule(May.SEE, filtered=True),
    "readers.merge": ADMINISTER,
    "readers.rename": ADMINISTER,
    "readers.retire": ADMINISTER,
    "readers.set_keys": Rule(May.LABEL, Whose.OWN, filtered=True),
    "slides.allowed": Rule(May.MANAGE, filtered=True),
    "slides.get": Rule(May.SEE, logged=VIEWED),
    "slides.ingest": WORKERS,
    "slides.list": SEE,
    "slides.overrule": MANAGE,
    "slides.patch": SEE,
    "slides.patches": SEE,
    "slides.register": MANAGE,
    "slides.remove": Rule(May.MANAGE, logged=DELETED),
    "slides.set_facts": MANAGE,
    "slides.submit": MANAGE,
    "slides.pictures.patch_jpeg": SEE,
    "slides.pictures.patch_pixels": SEE,
    "slides.pictures.thumbnail": SEE,
    "slides.pictures.tissue_overlay": SEE,
    "slides.pictures.zoom_info": SEE,
    "slides.pictures.zoom_tile": Rule(May.SEE, logged=VIEWED),
    "slides.refused_pictures.get": SEE,
    "slides.refused_pictures.keep": WORKERS,
    "slides.uploads.add": MANAGE,
    "slides.tables.export": Rule(May.SEE, Whose.OWN_OR_EXPORTED, logged=TAKEN_OUT),
    "slides.tables.import_file": MANAGE,
    "slides.tables.import_rows": MANAGE,
    "slides.tables.rows": Rule(May.SEE, Whose.OWN_OR_EXPORTED),
    "slides.patients.answer": MANAGE,
    "slides.patients.shared": SEE,
    "slides.reads.clear": OWN_LABEL,
    "slides.reads.due": OWN_LABEL,
    "slides.reads.own": Rule(May.SEE, Whose.OWN_OR_COMPARED),
    "slides.reads.put": Rule(May.LABEL, Whose.OWN, kinds=SETTLING),
    "slides.reads.votes": Rule(May.COMPARE, Whose.OWN),
    "slides.embedding.compute": MANAGE,
    "slides.embedding.measure": WORKERS,
    "slides.embedding.run": WORKERS,
    "slides.embedding.submit": MANAGE,
    "slides.imported.bring": MANAGE,
    "slides.imported.coordinates": SEE,
    "slides.imported.run": WORKERS,
    "slides.imported.submit": MANAGE,
    "slides.measuring.submit": MANAGE,
    "maps.get": SEE,
    "maps.make": WORKERS,
    "maps.missing": SEE,
    "maps.start": MANAGE,
    "predictions.of_slide": SEE,
    "predictions.of_slides": SEE,
    "predictions.scored_by": SEE,
    "truth.of_project": Rule(May.SEE, Whose.OWN_OR_COMPARED),
    "labels.counts": SEE,
    "labels.current": Rule(May.SEE, Whose.OWN_OR_COMPARED),
    "labels.acts.put": OWN_LABEL,
    "labels.acts.put_many": OWN_LABEL,
    "labels.acts.undo": OWN_LABEL,
    "labels.orders.follow": WORKERS,
    "labels.sessions.add_to_queue": OWN_LABEL,
    "labels.sessions.check_reader": OWN_LABEL,
    "labels.sessions.create": OWN_LABEL,
    "labels.sessions.get": OWN_LABEL,
    "labels.sessions.of_project": Rule(May.SEE, Whose.OWN_OR_COMPARED),
    "labels.sessions.open": OWN_LABEL,
    "labels.sessions.plans": SEE,
    "labels.sessions.preview": OWN_LABEL,
    "labels.sessions.progress": OWN_LABEL,
    "labels.sessions.project_of": SEE,
    "labels.sessions.queue": OWN_LABEL,
    "labels.sessions.queue_region": OWN_LABEL,
    "labels.bulk.give": OWN_LABEL,
    "labels.bulk.patches": OWN_LABEL,
    "labels.bulk.session": OWN_LABEL,
    "labels.own.answer": OWN_LABEL,
    "labels.own.change": OWN_LABEL,
    "labels.own.first_look": OWN_LABEL,
    "labels.own.labels": OWN_LABEL,
    "labels.own.summary": OWN_LABEL,
    "labels.reviews.create": Rule(May.LABEL, Whose.OWN, kinds=SETTLING),
    "labels.reviews.of_reader": OWN_LABEL,
    "labels.consensus.label_set": MANAGE,
    "labels.consensus.rule": SEE,
    "labels.consensus.set_rule": MANAGE,
    "labels.agreement.graded_twice": COMPARE,
    "labels.agreement.of_project": COMPARE,
    "labels.suggestions.accepted_wrong": COMPARE,
    "labels.suggestions.of_queue": OWN_LABEL,
    "labels.suggestions.on": OWN_LABEL,
    "labels.suggestions.state": OWN_LABEL,
    "labels.suggestions.switch": OWN_LABEL,
    "labels.atlas.exemplars": OWN_LABEL,
    "labels.files.export": Rule(May.SEE, Whose.OWN_OR_EXPORTED, logged=TAKEN_OUT),
    "labels.files.import_file": MANAGE,
    "labels.record.length": Rule(May.COMPARE, filtered=True),
    "labels.record.state": Rule(May.COMPARE, filtered=True),
    "labels.record.verify": Rule(May.COMPARE, filtered=True),
    "labels.record.verify_all": AUDIT,
    "labels.record.verify_readings": AUDIT,
    "qupath.bring": MANAGE,
    "qupath.export": Rule(May.SEE, Whose.OWN_OR_EXPORTED, logged=TAKEN_OUT),
    "qupath.forget_regions": MANAGE,
    "label_efficiency.newest": Rule(May.SEE, filtered=True),
    "tile_sets.add": MANAGE,
    "models.add": MANAGE,
    "models.get": SEE,
    "models.list": SEE,
    "models.shipped": Rule(May.SEE, filtered=True),
    "backbones.configured": MANAGE,
    "backbones.get": ADMINISTER,
    "backbones.list": Rule(May.SEE, filtered=True),
    "backbones.run": WORKERS,
    "backbones.submit": ADMINISTER,
    "calibrations.calibrate": WORKERS,
    "calibrations.plan": SEE,
    "calibrations.run": WORKERS,
    "calibrations.start": MANAGE,
    "learning.after_labels": OWN_LABEL,
    "learning.order_of": OWN_LABEL,
    "learning.run": WORKERS,
    "learning.state": SEE,
    "learning.submit": MANAGE,
    "learning.versions": SEE,
    "training.cancel": MANAGE,
    "training.check": MANAGE,
    "training.folder": WORKERS,
    "training.frozen": WORKERS,
    "training.get": SEE,
    "training.history": SEE,
    "training.log": SEE,
    "training.prepare": MANAGE,
    "training.queue": MANAGE,
    "training.resume": MANAGE,
    "training.run": WORKERS,
    "training.runs": SEE,
    "training.sides": WORKERS,
    "training.start": MANAGE,
    "training.train_in": WORKERS,
    "scoring.get": SEE,
    "scoring.leading": SEE,
    "scoring.list": SEE,
    "scoring.score_now": WORKERS,
    "scoring.score_of": WORKERS,
    "scoring.start": MANAGE,
    "evaluations.get": SEE,
    "evaluations.keep": WORKERS,
    "evaluations.list": SEE,
    "evaluations.plan": SEE,
    "evaluations.run": WORKERS,
    "evaluations.score_apart": WORKERS,
    "evaluations.start": MANAGE,
    "cross_validation.run": WORKERS,
    "cross_validation.start": MANAGE,
    "augmenting.children": SEE,
    "augmenting.floor_picture": SEE,
    "augmenting.folder": WORKERS,
    "augmenting.get": SEE,
    "augmenting.list": SEE,
    "augmenting.looks.picture": OWN_LABEL,
    "augmenting.looks.put": OWN_LABEL,
    "augmenting.looks.result": Rule(May.SEE, Whose.OWN_OR_COMPARED),
    "augmenting.looks.state": OWN_LABEL,
    "augmenting.looks.take_back": OWN_LABEL,
    "augmenting.picture": SEE,
    "augmenting.plan": MANAGE,
    "augmenting.run": WORKERS,
    "augmenting.start": MANAGE,
    "field.get": SEE,
    "field.list": SEE,
    "field.run": WORKERS,
    "field.start": MANAGE,
    "project_reports.file": Rule(May.EXPORT, logged=TAKEN_OUT),
    "reports.build": Rule(May.SEE, logged=VIEWED),
    "reports.csv": Rule(May.SEE, logged=TAKEN_OUT),
    "reports.geojson": Rule(May.SEE, logged=TAKEN_OUT),
    "reports.heat_png": SEE,
    "reports.html": Rule(May.SEE, logged=TAKEN_OUT),
    "reports.json": Rule(May.SEE, logged=TAKEN_OUT),
    "reports.open": Rule(May.SEE, logged=VIEWED),
    "reports.pdf": Rule(May.SEE, logged=TAKEN_OUT),
    "reports.sign": Rule(May.SIGN, Whose.OWN, confirmed=True),
    "reports.sign_offs": SEE,
    "reports.verify": SEE,
    "store.limit_bytes": Rule(May.SEE, filtered=True),
    "store.list": ADMINISTER,
    "store.prune": ADMINISTER,
    "store.verify": ADMINISTER,
    "overview.next_step": SEE,
    "accounts.add": ADMINISTER,
    "accounts.asked": Rule(May.SEE, filtered=True),
    "accounts.end": ADMINISTER,
    "accounts.grant": ADMINISTER,
    "accounts.list": ADMINISTER,
    "accounts.log": AUDIT,
    "accounts.retire": ADMINISTER,
    "accounts.set_password": ADMINISTER,
    "accounts.sign_ins": ADMINISTER,
    "accounts.take": ADMINISTER,
}
