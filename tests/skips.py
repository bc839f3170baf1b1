"""No test is skipped without notice, and where it matters none is skipped.

Every run says at its end what it skipped, folded by reason, and fails if it ran no test at all. With ``--no-skips`` a
skipped test fails, except for the reasons in `ALLOWED`. Tests marked as slow are left to such runs and to runs of named
files: `make test` is for newcomers. ``--only-skipped`` runs the tests that the last run of
everything skipped for other reasons than these: `make check` installs what they need first.
"""

from collections import Counter

import pytest

# The beginning of a reason -> why a test may be skipped for it even with ``--no-skips``.
ALLOWED = {
    "cupy missing": "CuPy is of use with a GPU only; in Numba's simulator the same tests run without it",
    "no usable CUDA GPU was found": "few machines have a GPU; in Numba's simulator the same tests run without one",
    "the benchmark itself runs here": "they are of its small sizes, in Numba's simulator",
    "SCIPY_ARRAY_API is not set": "scikit-learn checks estimators that take arrays of other libraries; ours do not",
}
_RECORD = "speciate/skipped"  # in pytest's cache: test functions, and files skipped as a whole


def add_options(parser):
    """What the command line offers."""
    group = parser.getgroup("skipped tests")
    group.addoption("--no-skips", action="store_true", help="let skipped tests fail, unless tests.skips allows them")
    words = "run the tests that the last run of everything skipped; all tests if there are none"
    group.addoption("--only-skipped", action="store_true", help=words)


class Skips:
    """The hooks. With pytest-xdist, workers select and judge tests, and the process above them counts and records."""

    def __init__(self, config):
        self.config, self.executed, self.skipped = config, 0, {}  # skipped: name of the test or file -> reason
        self.above = not hasattr(config, "workerinput")
        self.everything = config.args_source is not pytest.Config.ArgsSource.ARGS and not config.option.only_skipped
        config.addinivalue_line("markers", "slow: more than ten seconds with cold caches; left to `make check`")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        if self.everything and not self.config.option.no_skips:
            for item in items:
                if item.get_closest_marker("slow"):
                    item.add_marker(pytest.mark.skip(reason="slow"))
        chosen = self.config.cache.get(_RECORD, []) if self.config.option.only_skipped else []
        if chosen:
            found = [
                (item, bool({item.nodeid.split("[")[0], item.nodeid.split("::")[0]} & set(chosen))) for item in items
            ]
            self.config.hook.pytest_deselected(items=[item for item, is_chosen in found if not is_chosen])
            items[:] = [item for item, is_chosen in found if is_chosen]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self):
        return self._judged((yield))

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self):
        return self._judged((yield))

    def _judged(self, report):
        """The report: of a failure, if the skip is not allowed."""
        if was_skipped(report) and self.config.option.no_skips and not allowed(reason(report)):
            report.longrepr = f"{report.nodeid} was skipped, which --no-skips forbids: {reason(report)}"
            report.outcome = "failed"
        return report

    def pytest_collectreport(self, report):
        if was_skipped(report):
            self.skipped[report.nodeid] = reason(report)

    def pytest_runtest_logreport(self, report):
        if was_skipped(report):
            self.skipped[report.nodeid] = reason(report)
        elif report.when == "call":
            self.executed += 1

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session, exitstatus):
        if not self.above or self.config.option.collectonly:
            return
        if self.everything and hasattr(self.config, "cache"):
            names = {name.split("[")[0] for name, why in self.skipped.items() if not allowed(why)}
            self.config.cache.set(_RECORD, sorted(names))
        if exitstatus == pytest.ExitCode.OK and not self.executed:
            session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED

    def pytest_terminal_summary(self, terminalreporter):
        if self.skipped:
            terminalreporter.section("skipped tests and files, by reason")
        counts = Counter(why.split(":")[0] for why in self.skipped.values()).most_common()
        wanted = "; ".join(f"{why} ({count})" for why, count in counts if not allowed(why))
        if wanted:
            terminalreporter.line(f"{wanted}\n`make check` installs what these tests need, and runs them.")
        for why, count in counts:
            if allowed(why):
                terminalreporter.line(f"{why} ({count}): {allowed(why)}")


def allowed(why):
    """Why a test may be skipped for this reason; empty: it may not."""
    return "".join(words for beginning, words in ALLOWED.items() if why.startswith(beginning))


def was_skipped(report):
    """Whether a test or a file was skipped; one that was expected to fail, and did, was not."""
    return report.skipped and not hasattr(report, "wasxfail")


def reason(report):
    """Why a test or a file was skipped."""
    return report.longrepr[2].removeprefix("Skipped: ")
