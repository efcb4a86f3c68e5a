"""What waits on a slide: by its state, its labels and the score that leads."""

from types import SimpleNamespace

import pytest

from mmdnet.workflows.worklist import Waiting, unsigned, worklist


def slide(number=1, status="ready", labelled=3):
    return SimpleNamespace(id=number, status=status, labelled=labelled)


def score(number=9, signed=None, refer=(), changed=(), reportable=True, awaits_reader=False):
    return SimpleNamespace(
        id=number,
        signed=signed,
        changed=changed,
        awaits_reader=awaits_reader,
        summary=SimpleNamespace(refer=refer),
        validity=SimpleNamespace(reportable=reportable),
    )


@pytest.mark.parametrize(
    ("of", "leads", "waits", "page"),
    [
        (slide(status="needs_mpp", labelled=0), None, (Waiting.SCALE,), "slides"),
        (slide(labelled=0), None, (Waiting.UNLABELLED, Waiting.UNSCORED), "slides"),
        (slide(), score(), (Waiting.UNSIGNED,), "report"),
        (slide(), score(refer=("near a cut",)), (Waiting.REFER, Waiting.UNSIGNED), "report"),
        (slide(), score(refer=("near a cut",), signed="Ada"), (), "report"),
        (slide(), score(refer=("near a cut",), reportable=False), (Waiting.WITHHELD, Waiting.UNSIGNED), "report"),
        (slide(), score(refer=("near a cut",), awaits_reader=True), (Waiting.UNREAD, Waiting.UNSIGNED), "report"),
        (slide(), score(signed="Ada", reportable=False), (), "report"),
        (slide(), score(signed="Ada", changed=("steatosis",)), (Waiting.DIFFERS,), "report"),
    ],
)
def test_a_slide_waits_for_what_is_missing(of, leads, waits, page):
    (item,) = worklist([of], {} if leads is None else {1: leads})
    assert (item.waits, item.page) == (waits, page)


def test_readers_who_disagree_wait_where_that_is_settled():
    (item,) = worklist([slide()], {1: score(signed="Ada", changed=("steatosis",))}, disputed=[1])
    assert (item.waits, item.page) == ((Waiting.DISPUTED, Waiting.DIFFERS), "slides")


def test_reports_wait_for_a_signature_in_the_order_of_the_slides():
    leading = {1: score(11), 2: score(12, signed="Ada"), 3: score(13)}
    assert unsigned([slide(3), slide(2), slide(1), slide(4)], leading) == [13, 11]
