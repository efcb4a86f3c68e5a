import re

from mmdnet.labels.grading import TASKS
from mmdnet.reports.hospital.codes import SCHEME_UID, attention, dicom_uid, feature, grade, score


def test_an_identifier_is_the_same_for_the_same_things_and_fits_dicom():
    assert dicom_uid("a", 1) == dicom_uid("a", "1") != dicom_uid("a1") != dicom_uid("a", 2)
    for uid in (dicom_uid("a"), SCHEME_UID):
        assert len(uid) <= 64 and re.fullmatch(r"2\.25\.[1-9]\d*", uid)


def test_no_two_codes_are_alike_and_each_says_what_it_means():
    codes = [code for task in TASKS for code in (feature(task.name), score(task.name), attention(task.name))]
    codes += [grade(task.name, each.value) for task in TASKS for each in task.grades]
    assert len({code.value for code in codes}) == len({code.meaning for code in codes}) == len(codes)
    assert grade("steatosis", 2).meaning == "Steatosis grade 2"
