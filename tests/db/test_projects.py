from db.models import Project, Reader
from db.projects import all_projects, all_readers, project_counts, project_named, reader_named


def test_a_project_counts_its_slides_patches_models_and_scored_slides(sessions, study):
    with sessions() as session:
        assert project_counts(session, study) == {
            "slides": 2, "ready_slides": 1, "graded_slides": 0, "patches": 3, "models": 1, "shared_models": 0, "scored_slides": 1,
        }  # fmt: skip
        assert project_counts(session, study + 1) == {
            "slides": 0, "ready_slides": 0, "graded_slides": 0, "patches": 0, "models": 0, "shared_models": 0, "scored_slides": 0,
        }  # fmt: skip


def test_simulated_projects_come_last_and_names_are_exact(sessions, study):
    with sessions.begin() as session:
        session.add_all([Project(name="Demo", simulated=True), Project(name="Zeta")])
    with sessions() as session:
        assert [project.name for project in all_projects(session)] == ["Study", "Zeta", "Demo"]
        assert project_named(session, "Study").id == study
        assert project_named(session, "study") is None


def test_a_reader_is_found_whatever_the_case(sessions):
    with sessions.begin() as session:
        session.add_all([Reader(name="Ben"), Reader(name="Ada")])
    with sessions() as session:
        assert [reader.name for reader in all_readers(session)] == ["Ada", "Ben"]
        assert reader_named(session, "aDA").name == "Ada"
        assert reader_named(session, "Adam") is None
