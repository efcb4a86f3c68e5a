"""Followed in a process of its own by test_graded_task: the entry of a fourth task, 0-4 and beside the NAS, and what
the lab then makes of it. What fails says so by its exception."""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ENTRY = """Task("iron", "Iron", "X", tuple(Grade(n, f"patch {n}", f"slide {n}") for n in range(5)), in_nas=False)"""


def with_the_entry() -> None:
    """Load the module of tasks as if the entry stood at the end of its list."""
    name = "mmdnet.labels.grading"
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "TASKS":
            assert isinstance(node.value, ast.Tuple)
            node.value.elts.append(ast.parse(ENTRY, mode="eval").body)
    module = ModuleType(name)
    module.__spec__ = spec
    sys.modules[name] = module
    exec(compile(ast.fix_missing_locations(tree), spec.origin, "exec"), module.__dict__)


def follow() -> None:
    """Draw bags, score a crafted slide and make reports of it with the task and without."""
    import numpy as np

    from mmdnet.bags.cohort import Cohort, SlideInfo
    from mmdnet.bags.sampler import PositiveFirstSampler
    from mmdnet.labels.grading import SHOWN_TASKS, TASKS, Grades
    from mmdnet.reports.build import build_report
    from mmdnet.reports.csv import to_csv
    from mmdnet.reports.html import to_html
    from mmdnet.reports.schema import report_sha256
    from mmdnet.scoring import palette, rules
    from mmdnet.scoring.aggregate import choose_aggregator
    from mmdnet.scoring.calibration_record import Calibration
    from mmdnet.scoring.estimate import estimate_slide
    from mmdnet.scoring.validity import verdict_of
    from mmdnet.simulate.recipes import demo_recipes, training_recipes
    from tests.mmdnet.reports import crafted
    from tests.mmdnet.reports.test_schema import signature
    from tests.mmdnet.scoring.crafted import slide

    palette.GRADE_RAMPS["iron"] = ("#e3eefa", "#b3d0f0", "#7aabe0", "#3c7fc4", "#154f8f")
    rules.PATCH_QUANTITY["iron"] = (0.0, 1.0, 2.0, 3.0, 4.0)
    rules.KLEINER_SCALES["iron"] = rules.Scale((0.0, 4.0), (0.0, 4.0))
    shown = [task.name for task in SHOWN_TASKS]
    assert shown[:3] == ["steatosis", "inflammation", "ballooning"] and shown[-1] == "iron"
    assert Grades(ballooning=1, inflammation=1, steatosis=1, iron=4).total == 3

    steps = [len(task.grades) for task in TASKS]
    grades = np.random.default_rng(0).integers(0, steps, (40, len(steps))).astype(np.int8)
    infos = tuple(SlideInfo(n, f"p{n}", "North", "A", "H&E") for n in range(4))
    cohort = Cohort(infos, np.arange(40), np.repeat(np.arange(4), 10), grades, np.zeros(40, bool))
    bags = PositiveFirstSampler(cohort, range(4), 6).epoch(0)
    assert max(bag.grades[-1] for bag in bags) == 4

    assert not any("iron" in recipe.grades for recipe in [*demo_recipes(), *training_recipes(4, 0)])

    estimate = estimate_slide(slide(24, 24, iron=np.full(576, 4)), choose_aggregator("auto", Calibration()))
    assert estimate.distribution.grade("iron") == 4

    ungraded = build_report(crafted.inputs())
    signed = signature(report_sha256(ungraded))
    assert [feature.task for feature in ungraded.features] == ["steatosis", "inflammation", "ballooning"]
    assert (ungraded.nas.absent, signed.nas) == (None, 5)
    print(report_sha256(ungraded))
    print(verdict_of(crafted.card(metrics={})).words)

    arrays, score = crafted.arrays(), crafted.score()
    for tables in (arrays.patch_probabilities, arrays.bag_probabilities):
        tables["iron"] = np.eye(5, dtype=np.float32)[np.full(len(tables["steatosis"]), 4)]
    arrays.attention["iron"] = arrays.attention["steatosis"]
    tasks = score.tasks | {"iron": crafted.task(4, 5)}
    report = build_report(crafted.inputs(arrays=arrays, score=score.model_copy(update={"tasks": tasks})))
    assert report.feature("iron").grade == 4 and report.feature("iron").readers_agree is None
    assert "p_grade_4" in to_csv(report).splitlines()[0]
    assert "<div>Iron</div>" in to_html(report)


if __name__ == "__main__":
    with_the_entry()
    follow()
