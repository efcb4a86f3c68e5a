"""How anything is counted in words, the same on pages, in reports and on the command line."""


def count(number_of: int, singular: str, plural: str | None = None) -> str:
    """ "1 patch", "1,240 patches"; `plural` only where it is not the singular with s or es."""
    many = plural or singular + ("es" if singular.endswith(("ch", "s", "x")) else "s")
    return f"{number_of:,} {singular if number_of == 1 else many}"
