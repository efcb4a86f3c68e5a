"""Rows of synthetic patches."""

import pytest
from sqlalchemy.exc import IntegrityError

from db import synthetic as rows
from db.models import Augmentation, Patch, Project, Reader, Slide, SyntheticLook, SyntheticPatch


@pytest.fixture
def batch(sessions):
    """A batch of two parents' children: one passed, one refused, one not judged yet."""
    with sessions.begin() as session:
        project = Project(name="Study")
        session.add(project)
        session.flush()
        slide = Slide(
            project_id=project.id, name="s", path="s", fingerprint="f", vendor="v", width_px0=9, height_px0=9,
            status="ready",
        )  # fmt: skip
        session.add(slide)
        session.flush()
        patches = [Patch(slide_id=slide.id, row=0, col=c, x_px0=0, y_px0=0, tissue_share=1.0) for c in range(2)]
        augmentation = Augmentation(project_id=project.id, choices={}, origin={})
        session.add_all([*patches, augmentation])
        session.flush()
        for at, (judged, refused) in enumerate(((True, None), (True, "fat"), (False, None))):
            session.add(
                SyntheticPatch(
                    augmentation_id=augmentation.id, parent_id=patches[at % 2].id, number=at // 2, grades={}, prompt="",
                    seed=2**47, sha256="", judged=judged, refused=refused,
                )
            )  # fmt: skip
        return project.id, augmentation.id, patches[0].id


def test_counts_and_what_may_be_learnt_from(sessions, batch):
    project, augmentation, parent = batch
    with sessions() as session:
        counts = rows.verdict_counts(session, augmentation)
        assert counts == {(True, None): 1, (True, "fat"): 1, (False, None): 1}
        (passed,) = rows.passed_of_project(session, project)
        assert passed.parent_id == parent and passed.seed == 2**47
        assert rows.passed_of_project(session, project + 1) == []
        children = rows.children_of(session, augmentation)
        assert [c.id for c in rows.newest_children(session, augmentation, 2)] == [children[2].id, children[1].id]
        assert {c.id for c in rows.synthetic_with_ids(session, [children[0].id, 999])} == {children[0].id}
        assert [row.id for row in rows.augmentations_of(session, project)] == [augmentation]


def test_a_child_is_there_once(sessions, batch):
    _, augmentation, parent = batch
    with pytest.raises(IntegrityError), sessions.begin() as session:
        session.add(
            SyntheticPatch(
                augmentation_id=augmentation, parent_id=parent, number=0, grades={}, prompt="", seed=0, sha256=""
            )
        )


def test_looks_of_batches_come_in_order(sessions, batch):
    _, augmentation, parent = batch
    with sessions.begin() as session:
        reader = Reader(name="Ada")
        session.add(reader)
        session.flush()
        session.add(
            SyntheticLook(augmentation_id=augmentation, reader_id=reader.id, patch_id=parent, said_synthetic=True)
        )
    with sessions() as session:
        assert [look.patch_id for look in rows.looks_of(session, [augmentation])] == [parent]
        assert rows.looks_of(session, [augmentation + 1]) == []
