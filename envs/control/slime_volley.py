"""Slime volleyball against a fixed opponent: bring the ball down on the other side of the net.

Court, motion and rules as in D. Ha's Slime Volleyball Gym Environment (2020). Two things are our own: the opponent, a
rule that runs to where the ball comes down, in place of the original's recurrent network, so scores do not compare;
and serves are a chaotic function of the one before. The agent plays on the right; five points end the game, as do 3,000
steps. Training is on `score`, a champion's check on the return: points won less points lost.

Lengths in the game's units (the court is 48 wide), 30 steps a second. A player is (x, y, vx, vy) of its foot.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import math

import numpy as np

from envs.native import NativeEnv
from envs.picture import BLACK, BLUE, GREY, ORANGE, Disc, Line, Picture
from genomes.functions.elementary import clamp

__all__ = ["SLIME_VOLLEY"]

TAU = np.float32(1 / 30)
GRAVITY = np.float32(-9.8 * 2 * 1.5)
GROUND, HALF_WIDTH, HEIGHT = np.float32(1.5), np.float32(24.0), np.float32(48.0)
BALL, PLAYER = np.float32(0.5), np.float32(1.5)  # radii
NET_HALF_WIDTH, NET_HEIGHT = np.float32(0.5), np.float32(3.5)
RUN, JUMP = np.float32(17.5), np.float32(13.5)  # speeds
FASTEST_BALL = np.float32(22.5)
PAUSE = np.float32(30.0)  # steps before a serve
SIDE, SPEED_LOW, SPEED_WIDTH = np.float32(40.0), np.float32(10.0), np.float32(15.0)  # of a serve
LIVES, MOST_STEPS = np.float32(5.0), np.float32(3000.0)
TENTH, HUNDREDTH = np.float32(0.1), np.float32(0.01)
SMALLEST = np.float32(1e-6)
ZERO, HALF, ONE, TWO = (np.float32(v) for v in (0.0, 0.5, 1.0, 2.0))
STRETCH, SHIFT = np.float32(97.0), np.float32(0.37)  # of the sequence that draws serves
HOME, BEHIND, SLACK = np.float32(12.0), np.float32(0.8), np.float32(0.3)  # where the opponent waits and stands
NEAR, BELOW = np.float32(2.0), np.float32(6.0)  # when it jumps
TOP = np.float32(1.5 + 1.5 + 0.5)  # of a player, and a ball on it


def reset(randoms):
    draw = randoms[0]
    return (*serve(draw), HOME, GROUND, ZERO, ZERO, -HOME, GROUND, ZERO, ZERO, PAUSE, ZERO, ZERO, draw)


def serve(draw):
    """A ball above the net that flies to a side."""
    other = following(draw)
    return ZERO, HALF_WIDTH * HALF, SIDE * (draw - HALF), SPEED_LOW + SPEED_WIDTH * other


def following(draw):
    """The next number in [0, 1) of the sequence that draws serves."""
    value = STRETCH * draw + SHIFT
    return value - np.float32(math.floor(value))


def observe(state):
    """Own place and speed, the ball's, the opponent's, by 10; x is the distance from the net to the own side."""
    bx, by, bu, bv, x, y, u, v, ox, oy, ou, ov, _, _, _, _ = state
    return (
        TENTH * x, TENTH * y, TENTH * u, TENTH * v,
        TENTH * bx, TENTH * by, TENTH * bu, TENTH * bv,
        TENTH * -ox, TENTH * oy, TENTH * -ou, TENTH * ov,
    )  # fmt: skip


def act(outputs):
    """Forward, backward, jump: pressed where the output is positive."""
    forward, backward, jump = outputs
    return pressed(forward), pressed(backward), pressed(jump)


def pressed(output):
    return ONE if output > ZERO else -ONE


def landing(bx, by, bu, bv):
    """Where the ball comes down to a player's height, a bounce off the wall included."""
    fall = bv * bv - TWO * GRAVITY * (by - TOP)
    time = (bv + np.float32(math.sqrt(fall if fall > ZERO else ZERO))) / -GRAVITY
    x = bx + bu * time
    wall = HALF_WIDTH - BALL
    return TWO * wall - x if x > wall else x


def opponent(bx, by, bu, bv, x):
    """Forward, backward and jump of the opponent, who sees itself on the right: the ball is at ``bx``, it at ``x``."""
    lands = landing(bx, by, bu, bv)
    goal = lands + BEHIND if lands > ZERO else HOME
    close = (abs(bx - x) < NEAR) & (by < BELOW) & (bx < x)
    return pressed(x - goal - SLACK), pressed(goal - x - SLACK), ONE if close else -ONE


def moved_player(x, y, v, forward, backward, jump):
    """A player on the right a step later: (x, y, vx, vy)."""
    leftwards = RUN if (forward > ZERO) & (backward <= ZERO) else ZERO
    rightwards = RUN if (backward > ZERO) & (forward <= ZERO) else ZERO
    u = rightwards - leftwards
    v = v + GRAVITY * TAU
    v = JUMP if (jump > ZERO) & (y <= GROUND) else v
    x, y = x + u * TAU, y + v * TAU
    v = ZERO if y <= GROUND else v
    y = GROUND if y <= GROUND else y
    nearest, farthest = NET_HALF_WIDTH + PLAYER, HALF_WIDTH - PLAYER
    u = ZERO if (x <= nearest) | (x >= farthest) else u
    return clamp(x, nearest, farthest), y, u, v


def bounced(ball, px, py, pu, pv, radius):
    """The ball after it met, or missed, a round thing: pushed out of it, its relative speed reflected."""
    x, y, u, v = ball
    dx, dy = x - px, y - py
    distance = np.float32(math.sqrt(dx * dx + dy * dy)) + SMALLEST
    dx, dy, reach = dx / distance, dy / distance, radius + BALL
    along = TWO * ((u - pu) * dx + (v - pv) * dy)
    hit = distance < reach
    return (
        px + dx * reach if hit else x,
        py + dy * reach if hit else y,
        u - along * dx if hit else u,
        v - along * dy if hit else v,
    )


def flown(ball):
    """The ball in the air a step later."""
    x, y, u, v = ball
    v = v + GRAVITY * TAU
    speed = np.float32(math.sqrt(u * u + v * v)) + SMALLEST
    scale = FASTEST_BALL / speed if speed > FASTEST_BALL else ONE
    u, v = u * scale, v * scale
    return x + u * TAU, y + v * TAU, u, v


def confined(ball, before):
    """The ball kept between walls, ceiling and net; ``before`` is its x a step ago."""
    x, y, u, v = ball
    wall = HALF_WIDTH - BALL
    u = -u if abs(x) >= wall else u
    v = -abs(v) if y >= HEIGHT - BALL else v
    x, y = clamp(x, -wall, wall), clamp(y, ZERO, HEIGHT - BALL)
    side = NET_HALF_WIDTH + BALL
    into = (y <= NET_HEIGHT) & (((x <= side) & (before > side)) | ((x >= -side) & (before < -side)))
    x = (side if before > ZERO else -side) if into else x
    return x, y, -u if into else u, v


def step(state, action):
    bx, by, bu, bv, x, y, _, v, ox, oy, _, ov, pause, lost, won, draw = state
    forward, backward, jump = opponent(-bx, by, -bu, bv, -ox)
    mirrored, oy, ou, ov = moved_player(-ox, oy, ov, forward, backward, jump)
    ox, ou = -mirrored, -ou
    x, y, u, v = moved_player(x, y, v, action[0], action[1], action[2])
    ball = flown((bx, by, bu, bv))
    ball = bounced(ball, ox, oy, ou, ov, PLAYER)
    ball = bounced(ball, x, y, u, v, PLAYER)
    ball = bounced(ball, ZERO, NET_HEIGHT, ZERO, ZERO, NET_HALF_WIDTH)
    ball = confined(ball, bx)
    waiting = pause > ZERO
    landed = (ball[1] <= GROUND + BALL) & (not waiting)
    draw = following(draw) if landed else draw
    fresh = serve(draw)
    nx, ny = (bx if waiting else ball[0]), (by if waiting else ball[1])
    nu, nv = (bu if waiting else ball[2]), (bv if waiting else ball[3])
    point = (ONE if ball[0] < ZERO else -ONE) if landed else ZERO
    lost, won = lost + (ONE if point < ZERO else ZERO), won + (ONE if point > ZERO else ZERO)
    pause = PAUSE if landed else (pause - ONE if waiting else pause)
    after = (
        fresh[0] if landed else nx, fresh[1] if landed else ny, fresh[2] if landed else nu, fresh[3] if landed else nv,
        x, y, u, v, ox, oy, ou, ov, pause, lost, won, draw,
    )  # fmt: skip
    return after, point, (lost >= LIVES) | (won >= LIVES)


def score(state, total, steps, recent):
    """The points, and a hundredth for each step played, all of them where the game is won: who cannot win a point yet
    learns to keep the ball in play."""
    played = MOST_STEPS if state[14] >= LIVES else np.float32(steps)
    return total + HUNDREDTH * played


def draw(state):
    """The court, the players, the ball, and on each side the lives that are left."""
    bx, by, _, _, x, y, _, _, ox, oy, _, _, _, lost, won, _ = state
    lives = ((1, int(LIVES - lost), BLUE), (-1, int(LIVES - won), ORANGE))
    return [
        Disc((x, y), float(PLAYER), BLUE),
        Disc((ox, oy), float(PLAYER), ORANGE),
        Line((-24.0, 0.75), (24.0, 0.75), 1.5, GREY),
        Line((0.0, 0.0), (0.0, float(NET_HEIGHT)), 2 * float(NET_HALF_WIDTH)),
        Disc((0.0, float(NET_HEIGHT)), float(NET_HALF_WIDTH)),
        Disc((bx, by), float(BALL), BLACK),
        *(Disc((side * (22.5 - 1.5 * k), 22.5), 0.5, colour) for side, left, colour in lives for k in range(left)),
    ]


SLIME_VOLLEY = NativeEnv(
    id="SlimeVolley-v0",
    reset=reset,
    observe=observe,
    act=act,
    step=step,
    num_states=16,
    num_inputs=12,
    num_outputs=3,
    num_randoms=1,
    max_steps=int(MOST_STEPS),
    actions=((-1.0,) * 3, (1.0,) * 3),
    target=4.0,
    score=score,
    picture=Picture(draw, (-24.0, 0.0), (24.0, 24.0), fps=30.0),
)
