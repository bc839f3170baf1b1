"""The answer in ten sentences, written from the measurements, whatever they say."""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiments.study.measure import network, solved
from experiments.study.plan import GRADIENTS, Level, weights_of
from experiments.study.run import Results, mean_and_spread

__all__ = ["BreakEven", "break_even", "sentences"]

WITH_DERIVATIVES = (*GRADIENTS, "elm")  # or a closed form


@dataclass(frozen=True)
class BreakEven:
    """What parallel evolution strategies cost."""

    adam: float  # s
    generations: float
    population: int
    evaluation: float  # s, of a candidate
    update: float  # s, of a generation
    message: float  # s

    def seconds(self, workers: int) -> float:
        """Until the target, by so many workers; without messages where there is one."""
        messages = workers * self.message if workers > 1 else 0.0
        share = math.ceil(self.population / workers)
        return self.generations * (share * self.evaluation + messages + self.update)

    @property
    def workers(self) -> int:
        """The least number that is as fast as Adam; 0 where none is."""
        return next((w for w in range(1, self.population + 1) if self.seconds(w) <= self.adam), 0)


def break_even(results: Results) -> BreakEven | None:
    """None where one of the two never reached the target."""
    rows = {name: [r for r in results.of("parallel") if r.method == name] for name in ("adam", "openai-es")}
    reached = {name: [r for r in own if not math.isnan(r.value)] for name, own in rows.items()}
    if not all(reached.values()):
        return None
    strategy = reached["openai-es"]
    notes = [dict(pair.split("=") for pair in row.note.split()) for row in strategy]
    generations = mean_and_spread([float(n["generations"]) for n in notes])[0]
    judging = mean_and_spread([float(n["judging"]) / row.evaluations for n, row in zip(notes, strategy, strict=True)])[
        0
    ]
    update = mean_and_spread(
        [(row.seconds - float(n["judging"])) / float(n["generations"]) for n, row in zip(notes, strategy, strict=True)]
    )[0]
    population = round(strategy[0].evaluations / float(notes[0]["generations"]))
    adam = mean_and_spread([row.value for row in reached["adam"]])[0]
    message = mean_and_spread([float(n["message"]) for n in notes])[0]
    return BreakEven(adam, generations, population, judging, update, message)


def _means(results: Results, part: str, case: str, weights: int | None = None) -> dict[str, tuple[float, float]]:
    """Method -> mean and deviation of its value; those that have any."""
    groups: dict[str, list[float]] = {}
    for row in results.of(part, case):
        if weights in (None, row.weights):
            groups.setdefault(row.method, []).append(row.value)
    found = {method: mean_and_spread(values) for method, values in groups.items()}
    return {method: (mean, spread) for method, (mean, spread, count) in found.items() if count}


def _best(means: dict[str, tuple[float, float]], among: bool) -> tuple[str, float, float]:
    """Of the methods with derivatives or a closed form (``among``), or of the others."""
    own = {m: v for m, v in means.items() if (m in WITH_DERIVATIVES) == among}
    if not own:
        return "none", math.nan, math.nan
    method = max(own, key=lambda m: own[m][0])
    return method, *own[method]


def _point(best: tuple[str, float, float], digits: int = 3) -> str:
    return f"{best[0]} {best[1]:.{digits}f} ± {best[2]:.{digits}f}"


def _compared(left: tuple[str, float, float], right: tuple[str, float, float]) -> str:
    """What the difference of two means says, given their spreads."""
    gap = left[1] - right[1]
    if math.isnan(gap):
        return "which leaves nothing to compare"
    if abs(gap) <= math.hypot(left[2], right[2]):
        return "a difference within the spread"
    return f"{abs(gap):.3f} {'ahead' if gap > 0 else 'behind'}"


def sentences(results: Results, level: Level) -> list[str]:
    """Ten sentences, each with its figure."""
    small, large = weights_of(level.hidden[0]), weights_of(level.hidden[-1])
    made = []
    for weights in (small, large):
        means = _means(results, "sizes", "digits", weights)
        free, with_slope = _best(means, False), _best(means, True)
        made.append(
            f"With {weights:,} weights and {level.seconds:g} s a training, the best without gradients is "
            f"{_point(free)} on the test rows, the best with gradients or in closed form {_point(with_slope)}: "
            f"{_compared(free, with_slope)} (figure 1)."
        )
    made.append(_sentence_of_decline(results, level))
    made.append(_sentence_of_cosines(results, level))
    texts = {
        "zero-one": "Where the loss counts errors, trained on directly, the best without gradients is",
        "noisy": "With 4 rows an evaluation the best without gradients is",
        "saturated": "From saturated units (all weights N(0, 1)) the best without gradients is",
    }
    for case, begin in texts.items():
        means = _means(results, "hard", case)
        if case == "zero-one":
            means.pop("eki", None)  # fits the outputs to targets, whatever the loss
        free, with_slope = _best(means, False), _best(means, True)
        rivals = "with gradients or in closed form" if "elm" in means else "with gradients"
        extra = " (on a surrogate)" if case == "zero-one" else ""
        sgd = f"; plain SGD gets {means['sgd'][0]:.3f}" if case == "saturated" and "sgd" in means else ""
        made.append(
            f"{begin} {_point(free)}, the best {rivals}{extra} {_point(with_slope)}: "
            f"{_compared(free, with_slope)}{sgd} (figure 3)."
        )
    made.append(_sentence_of_tasks(results))
    made.append(_sentence_of_architecture(results))
    made.append(_sentence_of_workers(results))
    return made


def _sentence_of_decline(results: Results, level: Level) -> str:
    first, last = (_means(results, "sizes", "digits", weights_of(h)) for h in (level.hidden[-2], level.hidden[-1]))
    changes = {m: last[m][0] - first[m][0] for m in first if m in last and m not in WITH_DERIVATIVES}
    if not changes:
        return "No method without gradients was measured at two sizes (figure 1)."
    worst, best = min(changes, key=lambda m: changes[m]), max(changes, key=lambda m: changes[m])
    fell = sum(change < 0 for change in changes.values())
    return (
        f"From {weights_of(level.hidden[-2]):,} to {weights_of(level.hidden[-1]):,} weights, in the same time, "
        f"{fell} of {len(changes)} methods without gradients lose accuracy ({worst} changes by {changes[worst]:+.3f}, "
        f"{best} by {changes[best]:+.3f}) (figure 1)."
    )


def _sentence_of_cosines(results: Results, level: Level) -> str:
    population = level.populations[-1]
    sizes = sorted({row.weights for row in results.of("cosine", str(population))})
    name, ends = "openai-es", [_means(results, "cosine", str(population), size) for size in (sizes[:1] + sizes[-1:])]
    if not ends or any(name not in end for end in ends):
        return "Cosines were not measured (figure 2)."
    (low, _), (high, _) = ends[0][name], ends[1][name]
    bound = math.sqrt(population / 2 / sizes[-1])
    return (
        f"The first step of OpenAI-ES with {population} candidates has a cosine of {low:.2f} with the steepest descent "
        f"at {sizes[0]:,} weights and of {high:.2f} at {sizes[-1]:,}, where {population // 2} random directions can "
        f"give about {min(bound, 1.0):.2f} (figure 2)."
    )


def _told(method: str, net: str) -> str:
    return f"{'NEAT' if method == 'neat' else method} ({net})"


def _sentence_of_tasks(results: Results) -> str:
    def winners(case: str) -> str:
        groups: dict[tuple[str, str], list[bool]] = {}
        for row in results.of("hard", case):
            groups.setdefault((row.method, network(row)), []).append(solved(row))
        most = max((sum(won) for won in groups.values()), default=0)
        if not most:
            return f"by none of {len(groups)} pairs of method and network"
        best = [_told(*name) for name, won in groups.items() if sum(won) == most]
        rest = f" and {len(best) - 2} more" if len(best) > 2 else ""
        runs = len(next(iter(groups.values())))
        failing = sum(not sum(won) for won in groups.values())
        return (
            f"in {most} of {runs} runs by {', '.join(best[:2])}{rest}, never by {failing} of {len(groups)} pairs of "
            "method and network"
        )

    return (
        f"Where no method here has a gradient (policy gradients were not measured), the deceptive maze is solved "
        f"{winners('maze')}; MountainCar-v0 with its delayed reward {winners('delayed')} (figure 3)."
    )


def _sentence_of_architecture(results: Results) -> str:
    groups: dict[tuple[str, str], list[float]] = {}
    for row in results.of("hard", "architecture"):
        groups.setdefault((row.method, network(row)), []).append(row.value)
    fixed = {name: values for name, values in groups.items() if name[0] != "neat"}
    grown = next((values for name, values in groups.items() if name[0] == "neat"), None)
    if not fixed or grown is None:
        return "Unknown architectures were not measured (figure 3)."

    def rank(values: list[float]) -> tuple[int, float]:
        mean, _, count = mean_and_spread(values)
        return -count, mean if count else math.inf

    def told(values: list[float]) -> str:
        mean, spread, count = mean_and_spread(values)
        effort = f" ({mean:,.0f} ± {spread:,.0f} evaluations)" if count else ""
        return f"{count} of {len(values)} runs{effort}"

    best, failing = min(fixed, key=lambda n: rank(fixed[n])), sum(not rank(values)[0] for values in fixed.values())
    better = sum(rank(values) < rank(grown) for values in fixed.values())
    return (
        f"With two poles and hidden velocities the best of {len(fixed)} pairs of method and fixed network, "
        f"{_told(*best)}, solves {told(fixed[best])}, {failing} never do, and NEAT, which is told no network, solves "
        f"{told(grown)}; of the fixed ones {better} do better (figure 3)."
    )


def _sentence_of_workers(results: Results) -> str:
    found = break_even(results)
    if found is None:
        return "OpenAI-ES or Adam did not reach the target in time, so there is no break-even (figure 4)."
    one, many = found.seconds(1), min(found.seconds(w) for w in range(1, found.population + 1))
    ending = (
        f"by extrapolation {found.workers} workers would be as fast"
        if found.workers
        else f"by extrapolation no number of workers is as fast: the best takes {many:.2f} s"
    )
    return (
        f"To the same accuracy Adam takes {found.adam:.3f} s and OpenAI-ES {one:.1f} s on one core, "
        f"{one / found.adam:.0f} times as long; {ending} (figure 4)."
    )
