"""What the syntax trees of our files say: imports, circles of imports, files that are touched, long functions."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("genomes", "neat", "envs", "experiments")
# What reads or changes files: methods, NumPy's functions, modules; of the module os, everything but the harmless names.
_METHODS = {
    "exists", "glob", "is_dir", "is_file", "iterdir", "mkdir", "open", "read_bytes", "read_text", "rename", "rglob",
    "rmdir", "stat", "symlink_to", "tofile", "touch", "unlink", "walk", "write_bytes", "write_text",
}  # fmt: skip
_NUMPY = {
    "DataSource",
    "fromfile",
    "genfromtxt",
    "load",
    "loadtxt",
    "memmap",
    "save",
    "savetxt",
    "savez",
    "savez_compressed",
}
_MODULES = {
    "bz2", "dbm", "fileinput", "glob", "gzip", "lzma", "mmap", "shelve", "shutil", "socket", "sqlite3", "subprocess",
    "tarfile", "tempfile", "urllib", "zipfile",
}  # fmt: skip
_HARMLESS = {"cpu_count", "environ", "register_at_fork", "sched_getaffinity"}


def modules(*packages):
    """The files of packages, all of ours by default."""
    return sorted(path for package in packages or PACKAGES for path in (ROOT / package).rglob("*.py"))


def place(path):
    """The file's name in the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path):
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path):
    """(module, line) of each import in a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module, node.lineno


def names_called(path):
    """(name, line) of the plain functions that a file calls."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node.lineno


def touches(root):
    """(what, line) of all in a tree that reads or changes files, or starts processes."""
    for node in ast.walk(root):
        if isinstance(node, ast.Name) and node.id == "open":
            yield "open", node.lineno
        elif isinstance(node, ast.Attribute):
            of = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr in {"os": {node.attr} - _HARMLESS, "np": _NUMPY, "numpy": _NUMPY}.get(of, _METHODS):
                yield ast.unparse(node), node.lineno
        elif isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names if alias.name.split(".")[0] in _MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            top, names = node.module.split(".")[0], {alias.name for alias in node.names}
            if top in _MODULES or (top == "os" and names - _HARMLESS) or (top == "numpy" and names & _NUMPY):
                yield f"from {node.module} import {', '.join(sorted(names))}", node.lineno


def circles(imports):
    """The sets of modules that import one another, directly or not.

    Parameters
    ----------
    imports : {module: the modules that it imports}
    """
    reached = {module: _reached(module, imports) for module in imports}
    sets = {frozenset(other for other in reached[module] if module in reached.get(other, ())) for module in imports}
    return {circle for circle in sets if circle}


def _reached(module, imports):
    found, waiting = set(), list(imports[module])
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += imports.get(other, ())
    return found


def imports_of_ours():
    """{module: our modules that it imports}, wherever in the file, for type checkers, too."""
    named = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in modules()
    }
    return {name: _ours(path, named) - {name} for name, path in named.items()}


def _ours(path, named):
    found = {name for name, _ in imported(path)}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= parts
            if parts <= named.keys():  # the package is only the way to its modules
                found.discard(node.module)
    return found & named.keys()


def functions(path):
    """(name with its class, lines without the docstring, number of arguments) of all functions in a file."""
    for parent in ast.walk(tree(path)):
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                documented = ast.get_docstring(node, clean=False) is not None
                docstring = first.end_lineno - first.lineno + 1 if documented else 0
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                name = f"{parent.name}.{node.name}" if isinstance(parent, ast.ClassDef) else node.name
                yield name, node.end_lineno - node.lineno + 1 - docstring, len(arguments)
