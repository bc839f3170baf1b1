"""The three standard streams, so that whatever they are connected to no command is lost because of them.

A stream may be closed (``2>&-``), full (``/dev/full``), or without a reader (``| true``). What is written then goes
nowhere, and the command goes on to its end, which tells whether its output arrived (`output_failure`).
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from typing import Any, TextIO

__all__ = ["guard", "output_failure"]

_HANDLER = "speciate"  # of characters that an encoding lacks


class _Lasting(io.RawIOBase):
    """Writes to another raw stream for as long as that takes what it is given."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.failure: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self.raw.fileno())

    def isatty(self) -> bool:
        return bool(self.raw.isatty())

    def write(self, data: Any) -> int:
        written: int | None = len(data)
        if self.failure is None:
            try:
                written = self.raw.write(data)
                if written is None:  # a pipe that is full, and set to refuse rather than to wait
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            except OSError as error:
                self.failure, written = error, len(data)
        return written or 0


def guard() -> None:
    """Let standard output and standard error outlast whatever becomes of them; open those that are closed."""
    codecs.register_error(_HANDLER, _encode_anyhow)
    _fill()
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115
    sys.stdout = _guarded(sys.stdout, 1)
    sys.stderr = _guarded(sys.stderr, 2)


def output_failure() -> OSError | None:
    """Why not all of standard output arrived; None also where its reader has gone, as readers may."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    failure = raw.failure if isinstance(raw, _Lasting) else None
    return None if isinstance(failure, BrokenPipeError) else failure


def _fill() -> None:
    """Open closed descriptors on nothing: else the next file would take a stream's place, and be written into."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != descriptor:
                os.dup2(nothing, descriptor)
                os.close(nothing)
            os.set_inheritable(descriptor, True)


def _guarded(stream: TextIO | None, descriptor: int) -> TextIO:
    if stream is None:  # it was closed
        return _lasting(io.FileIO(descriptor, "w", closefd=False), "utf-8", at_once=True)
    buffer: Any = getattr(stream, "buffer", None)
    if not isinstance(stream, io.TextIOWrapper) or not isinstance(buffer, io.BufferedWriter | io.FileIO):
        return stream  # a test's or a notebook's own
    stream.flush()
    at_once = stream.line_buffering or stream.write_through or descriptor == 2
    return _lasting(getattr(buffer, "raw", buffer), stream.encoding, at_once)


def _lasting(raw: Any, encoding: str, at_once: bool) -> TextIO:
    return io.TextIOWrapper(io.BufferedWriter(_Lasting(raw)), encoding, _HANDLER, line_buffering=at_once)


def _encode_anyhow(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes of file names that are no text, as they are, so that they can be copied; a ? for what has no code."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return b"".join(bytes([ord(c) - 0xDC00]) if 0xDC80 <= ord(c) <= 0xDCFF else b"?" for c in lost), error.end
