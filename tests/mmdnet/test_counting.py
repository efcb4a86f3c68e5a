from mmdnet.counting import count


def test_one_is_not_many_and_thousands_are_parted():
    assert [count(number, "patch", "patches") for number in (0, 1, 2, 1240)] == [
        "0 patches", "1 patch", "2 patches", "1,240 patches",
    ]  # fmt: skip
    assert (count(1, "slide"), count(3, "slide")) == ("1 slide", "3 slides")
