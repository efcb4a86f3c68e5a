"""A report's document against what the lab keeps: whatever was altered is found."""

import pytest

from mmdnet.errors import LabError
from mmdnet.reports.build import build_report
from mmdnet.reports.schema import HumanGrade, canonical_json, report_sha256
from mmdnet.reports.verify import LARGEST_BYTES, not_made_again, read_report, score_finding, verify
from mmdnet.scoring.again import Apart
from tests.mmdnet.reports.crafted import inputs, of_today, score
from tests.mmdnet.reports.test_schema import signature

WEIGHTS = "a" * 64


def signed(**changes):
    plain = build_report(inputs(score=of_today()))
    return build_report(inputs(score=of_today(), sign_offs=[signature(report_sha256(plain))], **changes))


@pytest.mark.parametrize("given", [signed(), build_report(inputs(score=score()))])
def test_a_document_comes_back_from_its_json_and_is_found_right(given):
    found = verify(read_report(canonical_json(given).encode()), given, WEIGHTS)
    assert all(finding.right for finding in found)
    assert report_sha256(given) in found[0].words and "weights are those" in found[-1].words


def test_what_was_altered_is_named():
    kept = signed()
    nas = kept.nas.model_copy(update={"value": 1})
    found = verify(kept.model_copy(update={"nas": nas}), kept, WEIGHTS)
    assert [finding.right for finding in found] == [False, False, True]
    assert found[0].words.endswith("; it differs in nas.") and "of another content" in found[1].words
    (by,) = kept.sign_off.signed
    other = by.model_copy(update={"reader": "Dr X"})
    forged = kept.model_copy(update={"sign_off": kept.sign_off.model_copy(update={"signed": (other,)})})
    assert "is not one the lab keeps" in verify(forged, kept, WEIGHTS)[1].words


def test_readers_grades_are_no_part_of_the_hash_and_are_held_to_the_labs_all_the_same():
    plain = signed()
    given = HumanGrade(reader="Dr A", grade=1, at=plain.made_at)
    first, *others = plain.features
    kept = plain.model_copy(update={"features": (first.model_copy(update={"human": (*first.human, given)}), *others)})
    assert all(finding.right for finding in verify(read_report(canonical_json(kept).encode()), kept, WEIGHTS))
    assert all(finding.right for finding in verify(plain, kept, WEIGHTS))  # of before the reader read
    forged = first.model_copy(update={"human": (*first.human, given.model_copy(update={"grade": 2}))})
    found = verify(kept.model_copy(update={"features": (forged, *others)}), kept, WEIGHTS)
    assert [finding.right for finding in found] == [True, False, True, True]
    assert f"{first.title.lower()} by Dr A" in found[1].words


def test_signatures_come_later_and_weights_may_be_gone_or_others():
    kept, before = signed(), build_report(inputs(score=of_today()))
    found = verify(before, kept, "b" * 64)
    assert [finding.right for finding in found] == [True, True, False]
    assert "1 signature that the lab keeps and the document has not" in found[1].words
    added = verify(kept, before, None)
    assert [finding.right for finding in added] == [True, False, False, False] and "gone" in added[-1].words


@pytest.mark.parametrize("document", [b"", b"\xff\xfe", b"[1]", b'{"schema_version": 9}', b"{" * 5000])
def test_what_is_no_report_is_refused_in_a_sentence(document):
    with pytest.raises(LabError, match=r"no report as JSON .* Nothing was verified"):
        read_report(document)


def test_a_file_too_large_and_a_report_of_another_score_are_refused():
    with pytest.raises(LabError, match="too large"):
        read_report(b" " * (LARGEST_BYTES + 1))
    with pytest.raises(LabError, match="report of score 4, and not of 3"):
        verify(build_report(inputs(score_id=4)), build_report(inputs()), WEIGHTS)


@pytest.mark.parametrize(
    ("apart", "right", "words"),
    [
        (Apart(0.0, (), True), True, "the same grades, and what the network says of patches and fields is equal."),
        (Apart(3e-8, (), True), True, "differs by < 0.1 % at most."),
        (Apart(0.004, (), True), True, "differs by 0.4 % at most."),
        (
            Apart(0.2, ("steatosis",), True),
            False,
            "is another one: what the network says of patches and fields differs by 20",
        ),
        (Apart(1.0, (), True), False, "differs by 100 % at most."),
        (Apart(0.0004, ("steatosis", "nas"), True), False, "other grades came of it: steatosis, NAS."),
        (Apart(0.0004, ("steatosis",), False), None, "read by another calibration since, so grades were not compared."),
    ],
)
def test_a_score_made_again_is_right_wrong_or_not_to_be_told(apart, right, words):
    found = score_finding(apart, "cpu, features by torch")
    assert found.right is right and words in found.words and "(cpu, features by torch)" in found.words
    assert not_made_again("No disk.").right is None
