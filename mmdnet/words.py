"""How anything is counted in words, the same on pages, in reports and on the command line."""


def count(number_of: int, singular: str, plural: str | None = None) -> str:
    """ "1 patch", "1,240 patches", "30 epochs"; `plural` only where it is not the singular with s or es."""
    hissed = singular.endswith(("ch", "s", "x")) and not singular.endswith("epoch")
    many = plural or singular + ("es" if hissed else "s")
    return f"{number_of:,} {singular if number_of == 1 else many}"
