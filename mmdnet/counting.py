"""How a number of things is written, in one place."""


def count(number: int, singular: str, plural: str | None = None) -> str:
    """ "1 patch", "1,240 patches".

    Args:
        number: of things.
        singular: what one is called.
        plural: what more are called, where that is not the singular with an s.
    """
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
