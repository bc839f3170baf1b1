"""Draws pictures of environments with pygame, in a window or as arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.picture import Line, Picture

__all__ = ["Canvas"]

WIDTH = 600  # pixels
FINER = 2  # drawn so many times as large and scaled down, which smooths the edges
WHITE = (255, 255, 255)


class Canvas:
    """A window, or pictures [height, width, 3] uint8.

    Parameters
    ----------
    title : of the window; None: there is none.

    Raises
    ------
    ImportError : pygame is missing.
    """

    def __init__(self, picture: Picture, title: str | None) -> None:
        import pygame

        self.pygame, self.picture = pygame, picture
        (left, bottom), (right, top) = picture.low, picture.high
        self.size = (WIDTH, 2 * round(WIDTH * abs((top - bottom) / (right - left)) / 2))  # films want even numbers
        self.window: Any = None
        if title is not None:
            pygame.display.init()
            pygame.display.set_caption(title)
            self.window, self.clock = pygame.display.set_mode(self.size), pygame.time.Clock()

    def show(self, state: Any) -> None:
        """Draw in the window, at the picture's pace."""
        self.window.blit(self._drawn(state), (0, 0))
        self.pygame.event.pump()
        self.clock.tick(self.picture.fps)
        self.pygame.display.flip()

    def array(self, state: Any) -> NDArray[np.uint8]:
        """Draw as an array."""
        return np.transpose(self.pygame.surfarray.array3d(self._drawn(state)), (1, 0, 2))

    def close(self) -> None:
        """Close the window."""
        if self.window is not None:
            self.pygame.display.quit()

    def _drawn(self, state: Any) -> Any:
        surface = self.pygame.Surface((FINER * self.size[0], FINER * self.size[1]))
        surface.fill(WHITE)
        (left, bottom), (right, top) = self.picture.low, self.picture.high
        across, up = surface.get_width() / (right - left), surface.get_height() / (top - bottom)

        def place(point: tuple[float, float]) -> tuple[float, float]:
            return float((point[0] - left) * across), float((top - point[1]) * up)  # pygame refuses NumPy's numbers

        for shape in self.picture.draw(tuple(map(float, state))):
            if isinstance(shape, Line):
                points = _outline(place(shape.start), place(shape.end), max(shape.width * abs(across), FINER))
                self.pygame.draw.polygon(surface, shape.colour, points)
            else:
                self.pygame.draw.circle(surface, shape.colour, place(shape.centre), shape.radius * abs(across))
        return self.pygame.transform.smoothscale(surface, self.size)


def _outline(start: tuple[float, float], end: tuple[float, float], width: float) -> list[tuple[float, float]]:
    """Corners of a thick line."""
    (x, y), (u, v) = start, end
    length = math.hypot(u - x, v - y) or 1.0
    aside, along = width / 2 * (v - y) / length, width / 2 * (u - x) / length
    return [(x + aside, y - along), (u + aside, v - along), (u - aside, v + along), (x - aside, y + along)]
