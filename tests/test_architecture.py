"""Style is a test: what may import what, what control paths may call, how names read and how long things may grow."""

import ast
import functools
import importlib
import io
import pathlib
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).parents[1]

# Ratchets: they may be lowered, never raised.
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

# The composition root and the entry points inject clocks and random ids; nobody else asks for them.
MAY_ASK_THE_CLOCK = {
    *("alpha_panda.live.build", "alpha_panda.live.__main__", "alpha_panda.__main__", "alpha_panda.cli"),
    "alpha_panda.apps.web.build",  # what the web app is composed of
    "alpha_panda.cli.control",  # a kill does not wait for the composition root to be imported
}
CLOCKS_AND_CHANCE = (
    *("time.time", "time.time_ns", "time.localtime", "time.gmtime"),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
    *("random", "numpy.random", "secrets", "uuid.uuid1", "uuid.uuid4", "os.urandom"),
)
SEEDED = ("numpy.random.default_rng", "numpy.random.Generator")

# A stopwatch may show progress; it may not decide anything.
MAY_HOLD_A_STOPWATCH = MAY_ASK_THE_CLOCK
STOPWATCHES = ("time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns", "time.process_time")

# The outside world of the live platform; `base` holds the interface, every other module an implementation.
COMPOSITION_ROOT = "alpha_panda.live.build"
PORTS = tuple(f"alpha_panda.live.{port}" for port in ("log", "feed", "brokers", "store"))

ABBREVIATION = re.compile(
    r"(?:.*_)?(acct|addr|amt|avg|bal|buf|calc|cfg|cnt|conn|ctx|curr|desc|df|err|exch|fmt|fn|func|idx|inst|ival|lst|mgr|msg"
    r"|num|obj|ord|pos|prc|prev|proc|ptr|px|qty|recv|req|resp|ret|sess|sig|strat|sym|tmp(?!_path)|ts|txn|val|vol)(?:_.*)?",
    re.IGNORECASE,
)
# One or two letters are licensed for mathematics, for English words, and for what the domain itself calls so.
SHORT_NAME = re.compile(r"[_ijknptxyzT]|mu|nu|xi|at|by|do|go|id|no|of|ok|on|to|up|E4|SL")


def test_every_module_opens_with_one_sentence():
    offences = []
    for module in python_modules("alpha_panda", "strategies", "tests"):
        opening = (ast.get_docstring(tree(module)) or "").split("\n")[0]
        if not opening.endswith(".") or re.search(r"[.!?] +[A-Z]", opening):
            offences.append(f"{place(module)} opens with: {opening!r}")
    accept(offences, "the first line of a module's docstring is one sentence that says what the module is")


def test_no_file_is_too_long_to_read_at_once():
    offences = []
    for module in python_modules("alpha_panda", "strategies", "tests"):
        lines = len(module.read_text().splitlines())
        if lines > FILE_LINES_MAX:
            offences.append(f"{place(module)} has {lines} lines")
    accept(offences, f"a file of more than {FILE_LINES_MAX} lines is two modules")


def test_no_function_is_too_long_to_see_at_once():
    offences = []
    for module in python_modules("alpha_panda", "strategies", "tests"):
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    offences.append(f"{place(module, node)} {node.name} has {lines} lines")
    accept(offences, f"a function of more than {FUNCTION_LINES_MAX} lines is two functions")


def test_nothing_asks_the_clock_or_chance_on_its_own():
    offences = []
    for module in python_modules("alpha_panda"):
        forbidden = () if dotted(module) in MAY_ASK_THE_CLOCK else CLOCKS_AND_CHANCE
        forbidden += () if dotted(module) in MAY_HOLD_A_STOPWATCH else STOPWATCHES
        for node, name in references(tree(module)):
            if within(name, forbidden) and not within(name, SEEDED):
                offences.append(f"{place(module, node)} uses {name}")
    accept(offences, "take the time and random ids as arguments: only live/build.py and the entry points ask for them")


def test_a_random_generator_has_a_seed():
    offences = []
    for module in python_modules("alpha_panda"):
        seedless = {id(node.func) for node in ast.walk(tree(module)) if isinstance(node, ast.Call) and not node.args}
        for node, name in references(tree(module)):
            if name == SEEDED[0] and id(node) in seedless:
                offences.append(f"{place(module, node)} calls default_rng() without a seed")
    accept(offences, "pass the seed as the first argument")


def test_kernels_import_only_numpy_numba_and_arithmetic():
    allowed = ("numpy", "numba", "alpha_panda.kernels", "math", "typing", "collections.abc")
    offences = []
    for module in python_modules("alpha_panda/kernels"):
        # The compiler's module speaks to numba's back end and finds sources; the kernels themselves know no library.
        extra = ("llvmlite", *sys.stdlib_module_names) if module.name == "jit.py" else ()
        offences += imports_outside(module, allowed + extra)
    accept(offences, f"kernels import only {', '.join(allowed)}")


def test_strategies_import_only_numpy_kernels_and_arithmetic():
    allowed = ("numpy", "alpha_panda.kernels", "math", "typing")
    offences = [line for module in python_modules("strategies") for line in imports_outside(module, allowed)]
    accept(offences, f"a strategy imports only {', '.join(allowed)}")


@pytest.mark.parametrize(("one", "other"), [("backtest", "live"), ("live", "backtest")])
def test_backtest_and_live_never_import_each_other(one: str, other: str):
    offences = [
        f"{place(module, node)} imports {name}"
        for module in python_modules(f"alpha_panda/{one}")
        for node, name in imports(module)
        if within(name, (f"alpha_panda.{other}",))
    ]
    accept(offences, "what both need belongs below them: in data, in the vocabulary or in kernels")


def test_only_the_composition_root_names_a_concrete_log_store_feed_or_broker():
    offences = []
    for module in python_modules("alpha_panda"):
        for node, name in imports(module):
            port = next((port for port in PORTS if within(name, (port,))), None)
            at_home = port is not None and within(dotted(module), (port,)) and module.name != "__init__.py"
            if port is not None and is_concrete(name) and not at_home and dotted(module) != COMPOSITION_ROOT:
                offences.append(f"{place(module, node)} imports {name}")
    accept(offences, "import the interface (the package or its `base`) and let live/build.py choose the implementation")


def test_the_table_of_contents_is_sorted_complete_and_true():
    alpha_panda = importlib.import_module("alpha_panda")
    contents = alpha_panda.__all__
    package = tree(ROOT / "alpha_panda" / "__init__.py")
    # What type checkers read stands under TYPE_CHECKING, so it is compared with what Python finds, object by object.
    unseen = [node for block in package.body if isinstance(block, ast.If) for node in block.body]
    imported = {alias.asname: (node.module, alias.name) for node in unseen for alias in node.names}
    assert list(contents) == sorted(contents, key=str.casefold), "alpha_panda.__all__ is not in alphabetical order"
    assert set(imported) == set(contents), f"only one of table and imports has {sorted({*imported} ^ {*contents})}"
    for public, (module, name) in imported.items():
        is_module = source_file(f"{module}.{name}") is not None
        home = importlib.import_module(f"{module}.{name}" if is_module else module)
        meant = home if is_module else getattr(home, name)
        assert getattr(alpha_panda, public) is meant, f"the table and the imports mean different things by {public}"


def test_the_package_is_imported_without_its_contents():
    heavy = "{'numba', 'polars', 'numpy', 'duckdb'}"
    script = f"import sys, alpha_panda.cli; print(sorted({heavy} & set(sys.modules)), dir(sys.modules['alpha_panda']))"
    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT)
    assert answer.stdout.startswith("[] [")
    assert "'run'" in answer.stdout


def test_every_error_raised_is_one_of_ours():
    builtin = {"Exception", "RuntimeError", "ValueError"}
    offences = []
    for module in python_modules("alpha_panda"):
        if within(dotted(module), ("alpha_panda.kernels",)):
            continue
        # Pydantic turns the ValueError of a validator into its own error, which names the field.
        validators = [node for node in ast.walk(tree(module)) if is_validator(node)]
        exempt = {id(node) for validator in validators for node in ast.walk(validator)}
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Raise) and id(node) not in exempt and raised_name(node) in builtin:
                offences.append(f"{place(module, node)} raises {raised_name(node)}")
    accept(offences, "raise an error of alpha_panda/errors.py, so that a caller can tell what happened")


def test_names_are_words():
    offences = []
    for module in python_modules("alpha_panda", "strategies", "tests"):
        for node, name in names_given(tree(module)):
            if ABBREVIATION.fullmatch(name) or (len(name) < 3 and not SHORT_NAME.fullmatch(name)):
                offences.append(f"{place(module, node)} {name}")
    accept(offences, "write the word out: quantity, index, price; short names are licensed in SHORT_NAME")


def test_no_silenced_check_lacks_a_reason():
    silenced = re.compile(r"#\s*(type:\s*ignore|pyright:\s*ignore|noqa)")
    explained = re.compile(r"#\s*(type: ignore|pyright: ignore|noqa:)\s?\[?[\w, -]+\]?\s+#\s+\w+")
    offences = []
    for module in python_modules("alpha_panda", "strategies", "tests", "notebooks"):
        for token in tokenize.generate_tokens(io.StringIO(module.read_text()).readline):
            if token.type == tokenize.COMMENT and silenced.search(token.string) and not explained.search(token.string):
                offences.append(f"{place(module)}:{token.start[0]} {token.string}")
    accept(offences, "name the rule and say why in the same comment: `# type: ignore[rule]  # because …`")


def test_no_file_names_a_package_registry_or_a_path_of_one_machine():
    hosts = ("pypi" + ".org", "python" + "hosted.org", "npmjs" + ".org", "anaconda" + ".org", "crates" + ".io")
    machine_path = r"(?<![\w.~-])/(work|root|Users)/"
    pattern = re.compile("|".join([*map(re.escape, hosts), machine_path, "--(extra-)?index-" + "url"]))
    offences = []
    for path in files_in_git():
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
            if pattern.search(line):
                offences.append(f"{place(path)}:{number} {line.strip()[:80]}")
    accept(offences, "where packages come from is the user's configuration, and paths are relative to the checkout")


def test_the_lock_names_no_address():
    offences = [
        line for line in (ROOT / "requirements.lock").read_text().splitlines() if "://" in line or " @ " in line
    ]
    accept(offences, "rewrite the lock with `make lock`: it holds names, versions and hashes only")


# ── Reading the sources ──────────────────────────────────────────────────────────────────────────────────────────────


def python_modules(*folders: str) -> list[pathlib.Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def files_in_git() -> Iterator[pathlib.Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout to know which files are ours")
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return (ROOT / name for name in listed if (ROOT / name).is_file())


@functools.cache
def tree(module: pathlib.Path) -> ast.Module:
    return ast.parse(module.read_text(), filename=str(module))


def dotted(module: pathlib.Path) -> str:
    parts = module.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def place(path: pathlib.Path, node: ast.stmt | ast.expr | ast.arg | None = None) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno}" if node else str(path.relative_to(ROOT))


def within(name: str, roots: tuple[str, ...]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)


def accept(offences: list[str], rule: str):
    assert not offences, "\n  ".join([rule, *dict.fromkeys(offences)])


def imports(module: pathlib.Path) -> Iterator[tuple[ast.stmt, str]]:
    """Yield every module that `module` imports, submodules told apart from mere names by the file they live in."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = node.module or "" if not node.level else f"{'.' * node.level}{node.module or ''}"
            for alias in node.names:
                name = f"{parent}.{alias.name}"
                yield node, name if source_file(name) else parent


def imports_outside(module: pathlib.Path, allowed: tuple[str, ...]) -> list[str]:
    return [f"{place(module, node)} imports {name}" for node, name in imports(module) if not within(name, allowed)]


def source_file(name: str) -> pathlib.Path | None:
    stem = ROOT.joinpath(*name.split("."))
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.exists()), None)


def is_concrete(name: str) -> bool:
    source = source_file(name)
    return source is not None and source.name not in ("__init__.py", "base.py")


def references(module: ast.Module) -> Iterator[tuple[ast.expr, str]]:
    """Yield every use of an imported name, in full: after `from time import time as now`, `now` is `time.time`."""
    aliases = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            aliases |= {alias.asname or alias.name.split(".")[0]: alias.asname and alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            aliases |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(module):
        if isinstance(node, ast.Name | ast.Attribute):
            first, _, rest = ast.unparse(node).partition(".")
            if first in aliases:
                yield node, ".".join(filter(None, (aliases[first] or first, rest)))


def names_given(module: ast.Module) -> Iterator[tuple[ast.stmt | ast.expr | ast.arg, str]]:
    """Yield the names that the module defines: variables, arguments, functions, attributes, fields of records."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node, node.name
        elif isinstance(node, ast.arg):
            yield node, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node, node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "record":
            yield from ((field, field.elts[0].value) for field in node.args if is_field(field))


def is_field(node: ast.expr) -> bool:
    return isinstance(node, ast.Tuple) and bool(node.elts) and isinstance(node.elts[0], ast.Constant)


def raised_name(node: ast.Raise) -> str:
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return raised.id if isinstance(raised, ast.Name) else ""


def is_validator(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and any("validator" in ast.unparse(item) for item in node.decorator_list)
