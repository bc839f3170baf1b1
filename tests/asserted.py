"""Every assert of a test must have run: one in a loop that is never entered says nothing.

Looked at after runs of whole files in which all tests passed; it is enough that one of a test's cases comes there.
"""

import ast
import os
from collections import defaultdict
from functools import cache

import pytest
from _pytest.assertion import util

_GUARDS = ast.For | ast.While | ast.If | ast.ExceptHandler | ast.FunctionDef


class Asserted:
    """The hooks. Each report carries the lines of the asserts that passed, so that workers' reports do, too."""

    def __init__(self, config):
        self.config = config
        self.passed = defaultdict(set)  # (file, name of the test function) -> lines
        self.skipped = set()  # functions that were not run with all their cases
        self.missing = []
        self.listener = Listener()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item):
        file, name = function_of(item.nodeid)
        self.listener.wanted = asserts(self.config.rootpath / file).get(name, set()) - self.passed[file, name]
        if not self.listener.wanted:
            return (yield)  # pytest takes its time to word each assert that passes if anybody listens
        self.config.pluginmanager.register(self.listener)
        try:
            return (yield)
        finally:
            self.config.pluginmanager.unregister(self.listener)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call):
        report = yield
        if call.when == "call":
            report.asserted = sorted(self.listener.lines)
            self.listener.lines.clear()
        return report

    def pytest_runtest_logreport(self, report):
        function = function_of(report.nodeid)
        if report.skipped:
            self.skipped.add(function)
        elif report.when == "call":
            self.passed[function] |= set(report.asserted)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session, exitstatus):
        if exitstatus != pytest.ExitCode.OK or self._in_parts():
            return
        for file, name in sorted(self.passed.keys() - self.skipped):
            lines = asserts(self.config.rootpath / file).get(name, set())
            self.missing += [f"{file}:{line}" for line in sorted(lines - self.passed[file, name])]
        if self.missing:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _in_parts(self):
        """Whether functions may run without some of their cases, or are not known to have reached an assert."""
        option = self.config.option
        chosen = option.keyword or option.markexpr or option.deselect or getattr(option, "lf", False)
        part = "::" in "".join(self.config.args) or "PART_OF_TESTS" in os.environ or hasattr(self.config, "workerinput")
        return chosen or part or not self.config.getini("enable_assertion_pass_hook")

    def pytest_terminal_summary(self, terminalreporter):
        if self.missing:
            terminalreporter.section("asserts that no case of their test came to", red=True)
            terminalreporter.line("\n".join(self.missing))


class Listener:
    """Hears of the asserts that pass."""

    def __init__(self):
        self.wanted, self.lines = set(), set()

    def pytest_assertion_pass(self, lineno):
        self.lines.add(lineno)
        if self.wanted <= self.lines:
            util._assertion_pass = None  # until pytest sets it for the next test: there is nothing more to hear


def function_of(nodeid):
    """(file, name of the test function)."""
    file, *_, name = nodeid.split("[")[0].split("::")
    return file, name


@cache
def asserts(path):
    """{name of a function: the lines of its asserts within loops, conditions, handlers and inner functions}."""
    functions = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef))
    return {function.name: set(_guarded(function, False)) for function in functions}


def _guarded(node, within):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Assert) and within:
            yield child.lineno
        yield from _guarded(child, within or isinstance(child, _GUARDS))
