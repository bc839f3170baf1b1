"""The two ways in which a command fails, each with its exit code."""

__all__ = ["BadInput", "Failure"]


class BadInput(ValueError):
    """What the user gave is wrong: one line with the file, the key, the value and what would be right."""

    exit_code = 2


class Failure(Exception):
    """The user's code, or the machine, failed; an exception of the user's is in the message, whole."""

    exit_code = 3
