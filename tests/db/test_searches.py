from db.models import Project
from db.projects import delete_project
from db.searches import Search, keep_trial, searches_of, trials_of


def test_a_trial_is_written_in_place_of_what_stood_there_and_goes_with_its_search(sessions, study):
    with sessions.begin() as session:
        searches = [Search(project_id=study, plan={}, choices={}, label_set={}) for _ in range(2)]
        session.add_all(searches)
        session.flush()
        first, second = (search.id for search in searches)
        keep_trial(session, first, 1, {"state": "running"})
        keep_trial(session, first, 0, {"state": "done"})
        keep_trial(session, first, 1, {"state": "done"})
        keep_trial(session, second, 1, {"state": "failed"})
    with sessions() as session:
        assert [search.id for search in searches_of(session, study)] == [second, first]
        trials = trials_of(session, [first, second])
        assert [(row.number, row.record["state"]) for row in trials[first]] == [(0, "done"), (1, "done")]
        assert [(row.number, row.record["state"]) for row in trials[second]] == [(1, "failed")]
    with sessions.begin() as session:
        session.delete(session.get(Search, first))
    with sessions() as session:
        trials = trials_of(session, [first, second])
        assert not trials[first] and len(trials[second]) == 1
    with sessions.begin() as session:
        project = session.get(Project, study)
        assert f"searches/{second}" in delete_project(session, project)
