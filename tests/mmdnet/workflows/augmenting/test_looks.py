"""The blinded look: real and synthetic patches in one order, told apart by nothing but themselves."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from mmdnet.errors import LabError


@pytest.fixture
def looks(passed):
    reader = passed.lab.readers.ensure("Ada").id
    return passed, passed.lab.augmenting.looks, reader


def kinds(looks, batch, reader):
    """What is said of every place, so that the table tells what each was."""
    state = looks.state(batch, reader)
    while state.place is not None:
        looks.put(batch, reader, state.place, state.place % 2 == 0, 0)
        state = looks.state(batch, reader)
    return looks.result(batch, reader)


def test_half_are_real_and_each_is_asked_for_once_in_an_order_of_the_readers_own(looks):
    own, looks, reader = looks
    state = looks.state(own.batch, reader)
    assert (state.task, state.done, state.patches) == ("ballooning", 0, 8) and state.place == 0
    pictures = {looks.picture(own.batch, reader, place) for place in range(8)}
    assert len(pictures) == 8 and all(picture.startswith(b"\x89PNG") for picture in pictures)
    other = own.lab.readers.ensure("Ben").id
    orders = [[looks.picture(own.batch, who, place) for place in range(8)] for who in (reader, other)]
    assert orders[0] != orders[1] and set(orders[0]) == set(orders[1])
    result = kinds(looks, own.batch, reader)
    assert looks.state(own.batch, reader).place is None
    assert [sum(result.confusion.get((kind, said), 0) for said in (False, True)) for kind in (False, True)] == [4, 4]
    assert sum(result.real.values()) == sum(result.synthetic.values()) == 4
    assert result.looks == 8 and result.told_apart is not None


def test_a_childs_grade_said_otherwise_takes_it_out_of_training(looks):
    own, looks, reader = looks
    result = kinds(looks, own.batch, reader)
    otherwise = sum(count for (grade, said), count in result.synthetic.items() if said != grade)
    assert otherwise and own.lab.augmenting.get(own.batch).counts.contradicted == otherwise


def test_nothing_is_taken_twice_or_past_the_end_and_the_last_can_be_taken_back(looks):
    own, looks, reader = looks
    looks.put(own.batch, reader, 0, True, None)
    with pytest.raises(LabError, match="Another patch is due"):
        looks.put(own.batch, reader, 0, False, 1)
    with pytest.raises(LabError, match="has no grade 7"):
        looks.put(own.batch, reader, 1, False, 7)
    with pytest.raises(LabError, match="none with the number 8"):
        looks.picture(own.batch, reader, 8)
    with pytest.raises(LabError, match="not at its end"):
        looks.result(own.batch, reader)
    assert looks.result(own.batch).looks == 1
    looks.take_back(own.batch, reader)
    assert looks.state(own.batch, reader).place == 0
    with pytest.raises(LabError, match="nothing to take back"):
        looks.take_back(own.batch, reader)


def test_of_two_presses_at_once_one_is_taken(looks):
    own, looks, reader = looks

    def press(grade):
        try:
            looks.put(own.batch, reader, 0, True, grade)
        except LabError as refusal:
            return str(refusal)
        return "taken"

    with ThreadPoolExecutor(4) as pool:
        said = sorted(pool.map(press, (0, 1, 0, 1)))
    assert said[-1] == "taken" and all("Another patch is due" in refusal for refusal in said[:-1])
    assert looks.result(own.batch).looks == 1


def test_it_does_not_begin_while_the_batch_is_made(looks):
    own, looks, reader = looks
    own.lab.jobs.retry(own.lab.augmenting.get(own.batch).job.id)
    for ask in (
        lambda: looks.state(own.batch, reader),
        lambda: looks.picture(own.batch, reader, 0),
        lambda: looks.put(own.batch, reader, 0, True, 0),
    ):
        with pytest.raises(LabError, match="begins when the batch is done"):
            ask()
    assert looks.result(own.batch).looks == 0


def test_where_nothing_passed_there_is_nothing_to_look_at(finished_once):
    reader = finished_once.lab.readers.list()[0].id
    state = finished_once.lab.augmenting.looks.state(finished_once.batch, reader)
    assert state.patches == 0 and state.place is None
