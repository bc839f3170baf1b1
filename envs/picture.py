"""How an environment is drawn: its state as lines and discs, for replays and windows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

__all__ = ["BLACK", "BLUE", "GREEN", "GREY", "ORANGE", "Disc", "Line", "Picture", "cart_and_poles"]

Colour = tuple[int, int, int]  # red, green, blue, 0 to 255
BLACK, GREY, BLUE, ORANGE, GREEN = (35, 41, 51), (176, 182, 190), (31, 119, 180), (217, 130, 43), (74, 143, 110)

CART_WIDTH, CART_HEIGHT, POLE_WIDTH, TRACK = 0.4, 0.2, 0.06, 0.02  # m


class Line(NamedTuple):
    """A straight line with blunt ends; a thick one is a box."""

    start: tuple[float, float]
    end: tuple[float, float]
    width: float
    colour: Colour = BLACK


class Disc(NamedTuple):
    """A filled circle."""

    centre: tuple[float, float]
    radius: float
    colour: Colour = BLACK


class Picture(NamedTuple):
    """What is seen of an environment, in lengths of its own.

    Parameters
    ----------
    draw : ``draw(state) -> shapes``, those in front last; plain Python, not compiled.
    low, high : the bottom left and the top right corner.
    fps : steps a second, at which it is shown.
    """

    draw: Callable[[Any], Sequence[Line | Disc]]
    low: tuple[float, float]
    high: tuple[float, float]
    fps: float


def cart_and_poles(x: float, poles: Sequence[tuple[float, float]], limit: float) -> list[Line | Disc]:
    """A cart on a track that ends at ±``limit`` m, with up to two poles (angle to the right of upright in rad, length
    in m)."""
    side, middle = CART_WIDTH / 2, CART_HEIGHT / 2
    shapes: list[Line | Disc] = [
        Line((-limit, 0.0), (limit, 0.0), TRACK, GREY),
        *(Line((end, -middle), (end, middle), TRACK, GREY) for end in (-limit, limit)),
        Line((x - side, middle), (x + side, middle), CART_HEIGHT),
    ]
    for (angle, length), colour in zip(poles, (BLUE, ORANGE), strict=False):
        tip = (x + length * math.sin(angle), CART_HEIGHT + length * math.cos(angle))
        shapes += [Line((x, CART_HEIGHT), tip, POLE_WIDTH, colour), Disc(tip, POLE_WIDTH / 2, colour)]
    return [*shapes, Disc((x, CART_HEIGHT), POLE_WIDTH / 2, GREY)]
