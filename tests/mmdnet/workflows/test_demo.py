from mmdnet.labels.grading import TASK_NAMES
from mmdnet.simulate import SlideRecipe, load_truth, simulate_slide
from mmdnet.workflows.demo import PROJECT, TRUTH_READER, label_from_truth, submit_demo


def test_the_demo_is_queued_for_a_project_of_its_own_that_is_made_once(lab):
    jobs = [lab.jobs.get(submit_demo(lab)) for _ in range(2)]
    assert [project.name for project in lab.projects.list()] == [PROJECT]
    assert {(job.kind, job.project_id) for job in jobs} == {("demo", lab.projects.list()[0].id)}


def test_patches_get_the_grades_that_were_drawn_and_no_second_label(lab, tmp_path):
    path = tmp_path / "drawn.tiff"
    simulate_slide(SlideRecipe(seed=3, width_px=700, height_px=700, artefacts=0), path)
    project = lab.projects.create("Drawn", simulated=True).id
    slide = lab.slides.register(project, path)[0].slide_id
    given = label_from_truth(lab, project, [slide], per_slide=3)
    assert given == 3 and label_from_truth(lab, project, [slide], per_slide=3) == given
    truth, reader = load_truth(path), lab.readers.ensure(TRUTH_READER).id
    labels = lab.labels.current(project, reader)
    assert len(labels) == given
    for label in labels:
        patch = lab.slides.patch(label.patch_id)
        drawn = truth.patch_grades(patch.x_px0, patch.y_px0, patch.width_px0)
        assert label.ignored == (drawn["ignored"] is not None)
        if not label.ignored:
            assert dict(label.grades) == {name: drawn[name] for name in TASK_NAMES}
