import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdnet.errors import LabError
from mmdnet.nn.card import CARD, Architecture, BackboneOrigin, ModelCard, TrainedOn, parse_card, read_card
from mmdnet.nn.registry import IMAGENET_MEAN, IMAGENET_STD
from mmdnet.settings import PROJECT_ROOT

SHIPPED = PROJECT_ROOT / "models" / "demo"


def a_card(**changes) -> ModelCard:
    facts = {
        "name": "crafted", "bag_size": 16, "projection": 16, "trained_tasks": ("steatosis",),
        "label_set_sha256": "0", "split": {"train": [1, 2], "test": [3]},
    }  # fmt: skip
    return ModelCard(**(facts | changes))


@given(
    patch_px=st.integers(8, 4096), patch_mpp=st.floats(0.01, 100), projection=st.integers(1, 65_536),
    dropout=st.floats(0, 0.99), domains=st.lists(st.text(max_size=9), max_size=4),
)  # fmt: skip
def test_a_card_comes_back_from_its_json_as_it_was(**facts):
    card = a_card(**facts)
    assert parse_card(card.model_dump_json(), "it") == card
    assert parse_card(card.model_dump(mode="json"), "it") == card


def test_the_card_that_comes_with_the_program_is_read_whole():
    facts = json.loads((SHIPPED / CARD).read_text())
    card = read_card(SHIPPED)
    assert card.trained_on.scanners == ("Scanner A", "Scanner B", "Scanner C")
    assert card.choices == facts["choices"]
    assert card.calibration == facts["calibration"]
    kept = card.model_dump(
        mode="json", exclude={"trained_on": {"grades", "synthetic_patches"}}
    )  # not recorded when it was trained
    assert {key: value for key, value in kept.items() if key in facts} == facts


def test_the_architecture_of_a_card_is_what_builds_its_network():
    card = a_card(patch_px=64, domains=("a", "b"))
    assert card.architecture == Architecture(
        patch_px=64, projection=16, domains=("a", "b"), mean=IMAGENET_MEAN, std=IMAGENET_STD
    )
    assert type(card.architecture) is Architecture


def test_a_slide_is_found_in_its_part_of_the_split():
    assert [a_card().part_of(slide) for slide in (1, 3, 4)] == ["train", "test", None]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("patch_mpp", float("nan")), ("patch_mpp", float("inf")), ("patch_mpp", -0.5), ("patch_mpp", 0), ("patch_mpp", 1e9),
        ("patch_px", 0), ("patch_px", 1e6), ("projection", -1), ("projection", 0), ("attention_hidden", -3),
        ("dropout", float("nan")), ("dropout", 1.0), ("bag_size", 0), ("tasks", {"steatosis": 1}), ("tasks", {}),
        ("epochs", -1), ("seed", -1),
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_is_refused_by_name(field, value):
    facts = a_card().model_dump(mode="json") | {field: value}
    with pytest.raises(LabError, match=f"card of the model crafted is damaged or of another version \\({field}"):
        parse_card(json.dumps(facts), "crafted")
    with pytest.raises(LabError, match=field):
        parse_card(facts, "crafted")


def numbers(value, path=()):
    """Where numbers stand in JSON: paths of keys and indices."""
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        return [place for key, below in inner for place in numbers(below, (*path, key))]
    return [path] if isinstance(value, int | float) and not isinstance(value, bool) else []


WHOLE = json.loads((SHIPPED / CARD).read_text()) | {"mean": list(IMAGENET_MEAN), "std": list(IMAGENET_STD)}
PLACES = numbers(WHOLE)
SIGNED = ("mean", "metrics", "choices", "calibration")  # the last two are another step's JSON


@given(st.data())
def test_no_number_of_a_card_may_be_what_no_number_can_be(data):
    place = data.draw(st.sampled_from(PLACES))
    absurd = [float("nan"), float("inf"), float("-inf")]
    absurd += [] if place[0] in {"choices", "calibration"} else [-1e300, 1e300]
    absurd += [] if place[0] in SIGNED else [-1]
    facts = json.loads(json.dumps(WHOLE))
    inner = facts
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = data.draw(st.sampled_from(absurd))
    for told in (facts, json.dumps(facts)):
        with pytest.raises(LabError, match=f"^The card of the model it is damaged .*\\({place[0]}[^.]*.*\\)\\.$"):
            parse_card(told, "it")


def test_facts_of_other_builds_must_be_json_too():
    facts = a_card().model_dump(mode="json") | {"trained_on": {"slides": 3, "hours": float("nan")}}
    with pytest.raises(LabError, match="trained_on"):
        parse_card(facts, "it")


def test_a_trained_task_without_a_head_is_refused():
    with pytest.raises(LabError, match="no head for: colour"):
        parse_card(a_card().model_dump(mode="json") | {"trained_tasks": ["colour"]}, "crafted")


def test_records_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        a_card().seed = 3
    with pytest.raises(ValueError, match="frozen"):
        TrainedOn().slides = 3


def test_cards_are_read_without_torch():
    code = "import sys, mmdnet.nn.card; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT).returncode == 0


def test_a_card_names_what_its_backbone_started_from_and_an_earlier_one_its_name_alone():
    assert a_card().backbone_words == "small"
    origin = BackboneOrigin(source="a package", licence="MIT", sha256="0")
    assert a_card(backbone_origin=origin).backbone_words == "small, from a package, MIT"
