from db.models import Model, Run
from db.runs import model_in, model_of_run, models_of, models_of_runs, runs_of


def test_runs_and_models_are_newest_first_and_models_of_all_projects_last(sessions, study):
    with sessions.begin() as session:
        runs = [Run(project_id=study, name=name, choices={}, label_set={}) for name in ("first", "second")]
        session.add_all([*runs, Model(name="Shipped", folder="shipped", weights_sha256="b" * 64, card={})])
        session.flush()
        session.add(
            Model(name="Own", folder="own", weights_sha256="c" * 64, card={}, project_id=study, run_id=runs[1].id)
        )
    with sessions() as session:
        first, second = runs
        assert [run.name for run in runs_of(session, study)] == ["second", "first"]
        assert [model.name for model in models_of(session, study)] == ["Own", "Net", "Shipped"]
        assert [model.name for model in models_of(session, None)] == ["Shipped"]
        assert model_of_run(session, second.id).name == "Own" and model_of_run(session, first.id) is None
        assert models_of_runs(session, [first.id, second.id]) == {second.id: model_of_run(session, second.id).id}
        assert model_in(session, "shipped").name == "Shipped" and model_in(session, "gone") is None
