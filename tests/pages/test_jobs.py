"""The Jobs page: empty, and with jobs whose log opens."""


def test_a_lab_that_started_nothing_says_where_to_begin(empty, said):
    app = empty("jobs")
    assert "There is no project yet" in said(app)


def test_a_job_is_there_with_its_log(filled, filled_home, said):
    (job,) = [job for job in filled_home.lab.jobs.list(filled_home.project) if job.kind == "train"]
    app = filled("jobs", **{f"job_log_{job.id}": True})
    assert not app.exception and "First training" in said(app)
    app.segmented_control(key=f"plan_{job.id}_priority").set_value("last")
    app.button(key=f"plan_save_{job.id}").click().run()
    assert not app.exception and filled_home.lab.jobs.get(job.id).priority == "last"
    app.button(key=f"cancel_{job.id}").click().run()
    assert not app.exception and filled_home.lab.jobs.get(job.id).status == "cancelled"
    app.button(key=f"dismiss_{job.id}").click().run()
    assert filled_home.lab.jobs.get(job.id).dismissed
