from db import light_models as rows
from db.models import LightModel
from tests.label_bench import grade_all


def version(project, number):
    return LightModel(
        project_id=project, number=number, job_id="j", backbone="b", backbone_sha256="a", heads_sha256="b", labels=30,
        label_set={}, estimate={},
    )  # fmt: skip


def test_versions_are_newest_first_and_a_projects_own(sessions, study):
    with sessions.begin() as session:
        session.add_all([version(study, 1), version(study, 2)])
    with sessions() as session:
        assert [row.number for row in rows.versions_of(session, study)] == [2, 1]
        assert rows.newest(session, study).number == 2 and rows.newest(session, study + 1) is None
        assert rows.newest_job(session, study, "learn") is None and rows.last_event(session) == 0


def test_patches_asked_for_at_random_are_those_of_the_audit_and_of_the_random_plan(label_bench):
    bench = label_bench
    random = bench.session(per_slide=5)
    with bench.db() as session:
        asked = [item.patch_id for item in bench.labels.sessions.queue(random.id)]
        assert rows.asked_at_random(session, asked) == set(asked)
    uncertain = bench.session(per_slide=10, plan="uncertain", reader=1, name="by a model")
    other = [item.patch_id for item in bench.labels.sessions.queue(uncertain.id) if item.patch_id not in asked]
    with bench.db() as session:
        assert 0 < len(rows.asked_at_random(session, other)) <= 4
        assert rows.beside_a_suggestion(session, asked) == set()


def test_the_last_event_is_the_newest_of_all(label_bench):
    grade_all(label_bench, 0, [1, 2])
    with label_bench.db() as session:
        assert rows.last_event(session) == 2
