"""Of the requests that `python -m benchmarks routes` sends, a share drawn by a seed; see `tests.role_lab`."""

import random

import pytest

from tests.role_lab import RoleLab

DRAWN = 250


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    return RoleLab(tmp_path_factory.mktemp("roles"))


def test_nobody_is_let_through_whom_role_token_or_place_forbids_and_nothing_answers_500(asked):
    every = asked.cases()
    assert len(every) >= 3_000
    own = [
        each for each in every if each.token == "labelling" and each.place == 0 and each.asked.takes in ("see", "label")
    ]
    answers = [asked.ask(each) for each in [*own, *random.Random(7).sample(every, DRAWN)]]
    assert [answer for answer in answers if answer.wrong] == []
    assert sum(answer.let_in for answer in answers) >= 10
    assert asked.lab.labels.record.verify().intact


def test_every_route_of_ours_is_among_those_that_are_asked(asked):
    assert asked.never_asked() == []
