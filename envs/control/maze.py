"""Mazes with rangefinders, in which the way to the goal leads away from it at first.

The robot, its sensors and its motion: Lehman & Stanley, Abandoning Objectives: Evolution through the Search for Novelty
Alone, Evolutionary Computation 19(2), 2011, section 4. The walls, the start and the goal of the two mazes, and what the
paper leaves open: ``medium_maze.txt``, ``hard_maze.txt`` and ``maze.h`` of J. Lehman's maze simulator
(github.com/jal278/mazerobot-python), with the forces of the paper's release. Lengths are in the simulator's units.

The state is place, heading (degrees), speed and turn (a step). Fitness is 300 - distance to the goal at the end; within
5 of it an episode ends, and the maze is solved. The behaviour is the place at the end.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from envs.control.actions import within_one
from envs.native import NativeEnv
from envs.picture import BLACK, BLUE, GREEN, ORANGE, Disc, Line, Picture
from genomes.functions.elementary import clamp, cos, sin

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genomes.networks import Networks

__all__ = ["MAZE_HARD", "MAZE_MEDIUM", "maze"]

RANGE = np.float32(100.0)  # of the rangefinders
RADIUS = np.float32(8.0)  # of the robot
NEAR = np.float32(5.0)  # to the goal
FITTEST = np.float32(300.0)
FASTEST = np.float32(3.0)  # speed, and turn in degrees
PUSH = np.float32(0.5)  # greatest change of either in a step
RADIANS = np.float32(math.pi / 180)
MARGIN = 10.0  # around the maze, in its picture
DIAGONAL = np.float32(math.sqrt(0.5))
ZERO, ONE = np.float32(0.0), np.float32(1.0)


def maze(
    env_id: str, start: tuple[float, float], goal: tuple[float, float], walls: tuple[tuple[float, ...], ...]
) -> NativeEnv:
    """A maze of straight walls, each from (x1, y1) to (x2, y2); the robot starts with heading 0, along x."""
    lines = np.array(walls, np.float32)
    start_x, start_y = (np.float32(v) for v in start)
    goal_x, goal_y = (np.float32(v) for v in goal)

    def free(x, y, dx, dy):
        """Length of the way from a place to a wall in the direction (dx, dy), by the range."""
        nearest = RANGE
        for w in range(len(lines)):
            ax, ay = lines[w, 0] - x, lines[w, 1] - y
            ex, ey = lines[w, 2] - lines[w, 0], lines[w, 3] - lines[w, 1]
            across = dx * ey - dy * ex
            way, along = (ax * ey - ay * ex) / across, (ax * dy - ay * dx) / across
            nearest = way if (way > ZERO) & (way < nearest) & (along >= ZERO) & (along <= ONE) else nearest
        return nearest / RANGE

    def blocked(x, y):
        """Whether the robot at this place would touch a wall."""
        hit = False
        for w in range(len(lines)):
            ax, ay = x - lines[w, 0], y - lines[w, 1]
            ex, ey = lines[w, 2] - lines[w, 0], lines[w, 3] - lines[w, 1]
            along = clamp((ax * ex + ay * ey) / (ex * ex + ey * ey), ZERO, ONE)
            rx, ry = ax - along * ex, ay - along * ey
            hit |= rx * rx + ry * ry < RADIUS * RADIUS
        return hit

    def distance(state):
        dx, dy = goal_x - state[0], goal_y - state[1]
        return np.float32(math.sqrt(dx * dx + dy * dy))

    def reset(randoms):
        return start_x, start_y, ZERO, ZERO, ZERO

    def observe(state):
        x, y, heading, _, _ = state
        c, s = cos(RADIANS * heading), sin(RADIANS * heading)
        ahead, aside = (goal_x - x) * c + (goal_y - y) * s, (goal_y - y) * c - (goal_x - x) * s
        left, right = DIAGONAL * (c - s), DIAGONAL * (c + s)
        return (
            free(x, y, s, -c),  # -90 degrees
            free(x, y, right, -left),
            free(x, y, c, s),
            free(x, y, left, right),
            free(x, y, -s, c),
            free(x, y, -c, -s),  # 180 degrees
            ONE if ahead > abs(aside) else ZERO,  # where the goal is: in front, at 90, 180, 270 degrees
            ONE if aside >= abs(ahead) else ZERO,
            ONE if -ahead > abs(aside) else ZERO,
            ONE if -aside >= abs(ahead) else ZERO,
        )

    def act(outputs):
        return within_one(outputs[0]), within_one(outputs[1])

    def step(state, action):
        x, y, heading, speed, turn = state
        turn = clamp(turn + PUSH * action[0], -FASTEST, FASTEST)
        speed = clamp(speed + PUSH * action[1], -FASTEST, FASTEST)
        new_x, new_y = x + speed * cos(RADIANS * heading), y + speed * sin(RADIANS * heading)
        stopped = blocked(new_x, new_y)
        after = (x if stopped else new_x, y if stopped else new_y, heading + turn, speed, turn)
        return after, distance(state) - distance(after), distance(after) < NEAR

    def score(state, total, steps, recent):
        return FITTEST - distance(state)

    def behaviour(state):
        return state[0], state[1]

    def draw(state):
        x, y, heading, _, _ = state
        nose = (x + RADIUS * math.cos(RADIANS * heading), y + RADIUS * math.sin(RADIANS * heading))
        return [
            *(Line((a, b), (c, d), 2.0) for a, b, c, d in walls),
            Disc(start, 3.0, ORANGE),
            Disc(goal, float(NEAR), GREEN),
            Disc((x, y), float(RADIUS), BLUE),
            Line((x, y), nose, 2.0, BLACK),
        ]

    left, top = (float(lines[:, k::2].min()) - MARGIN for k in (0, 1))
    right, bottom = (float(lines[:, k::2].max()) + MARGIN for k in (0, 1))
    return NativeEnv(
        id=env_id,
        reset=reset,
        observe=observe,
        act=act,
        step=step,
        num_states=5,
        num_inputs=10,
        num_outputs=2,
        max_steps=400,
        actions=((-1.0, -1.0), (1.0, 1.0)),
        observations=((0.0,) * 10, (1.0,) * 10),
        target=float(FITTEST - NEAR),
        score=score,
        behaviour=behaviour,
        num_behaviours=2,
        check=final_score,
        picture=Picture(draw, (left, bottom), (right, top), fps=30.0),  # y points downwards
    )


def final_score(env: NativeEnv, networks: Networks) -> NDArray[np.float32]:
    """Score [P] of the one episode that there is."""
    from envs.rollout import rollout, starting_states

    return rollout(env, networks, starting_states(env, (0, 0), 0, 1)).scores[:, 0]


MAZE_MEDIUM = maze(
    "MazeMedium-v0",
    (30, 22),
    (270, 100),
    (
        (293, 7, 289, 130),
        (289, 130, 6, 134),
        (6, 134, 8, 5),
        (8, 5, 292, 7),
        (241, 130, 58, 65),
        (114, 7, 73, 42),
        (130, 91, 107, 46),
        (196, 8, 139, 51),
        (219, 122, 182, 63),
        (267, 9, 214, 63),
        (271, 129, 237, 88),
    ),
)

MAZE_HARD = maze(
    "MazeHard-v0",
    (36, 184),
    (31, 20),
    (
        (41, 5, 3, 8),
        (3, 8, 4, 49),
        (4, 49, 57, 53),
        (4, 49, 7, 202),
        (7, 202, 195, 198),
        (195, 198, 186, 8),
        (186, 8, 39, 5),
        (56, 54, 56, 157),
        (57, 106, 158, 162),
        (77, 201, 108, 164),
        (6, 80, 33, 121),
        (192, 146, 87, 91),
        (56, 55, 133, 30),
    ),
)
