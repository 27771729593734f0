"""What somebody typed, as it may stand in a line of ours: in a header, a calendar, a cell, the middle of a sentence."""


def one_line(text: str) -> str:
    """``text`` without line ends, control and direction-override characters."""
    return " ".join(lines_of(text).split())


def lines_of(text: str) -> str:
    """``text`` without control and direction-override characters; every kind of line end is ``\\n``."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(_shown(c) for c in text).strip()


def _shown(c: str) -> str:
    if c == "\n" or (c.isprintable() and not "\ud800" <= c <= "\udfff"):
        return c
    return " " if c.isspace() else ""
