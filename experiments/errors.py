"""The two ways in which a command fails, each with its exit code; and the one line that is said of it."""

__all__ = ["BadInput", "Failure", "one_line"]

LONGEST = 2000  # characters of a line: a name or a value that a user gave may have any number


class BadInput(ValueError):
    """What the user gave is wrong: one line with the file, the key, the value and what would be right."""

    exit_code = 2


class Failure(Exception):
    """The user's code, or the machine, failed; an exception of the user's is in the message, whole."""

    exit_code = 3


def one_line(text: str) -> str:
    """The text as a line of readable length: line breaks become spaces, other control characters are spelt out, and of
    the middle of a very long one three dots are left. Bytes of file names that are no text stay as they are."""
    if len(text) > LONGEST:
        half = LONGEST // 2
        text = f"{text[:half]} ... {text[-half:]}"
    text = " ".join(part for part in text.splitlines() if part)
    return "".join(c if c.isprintable() or "\udc80" <= c <= "\udcff" else repr(c)[1:-1] for c in text)
