"""Tries the changes that mutmut makes. ``mutation`` starts it in the folder of the copy.

mutmut would collect all tests again for each change. Here they are collected once. For each change, a forked child runs
the tests that execute the changed lines. A test that noticed a change of the same function comes first. Then each test
function runs with its first arguments, then with its second ones, and so on. The tests in the file and in the folder of
the code precede the others, and special and fast ones precede the rest.
"""

import argparse
import fnmatch
import gc
import io
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import coverage
import pytest
from mutmut.__main__ import create_mutants
from mutmut.configuration import config
from mutmut.mutation.data import MutantLineSpans, SourceFileMutationData
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, walk_mutatable_files

from scripts.mutation import changed_lines

_KILLED, _SURVIVED, _NO_TESTS, _TIMEOUT = 1, 0, 33, 36
"""The results as mutmut writes them."""

_COVERAGE, _SECONDS = "lines-of-tests", "seconds-of-tests"
"""The files in which the first child notes what the tests execute, and how long they take."""

_LONGEST_WAIT = 60.0
"""Seconds beyond the tests' own time after which a child is ended."""

_OVERHEAD = 0.02
"""Seconds that each test takes beyond its own time."""


@dataclass
class Change:
    """A change, and the tests that execute its lines."""

    name: str
    data: SourceFileMutationData
    tests: list[str] = field(default_factory=list[str])

    @property
    def function(self) -> str:
        """The changed function."""
        return self.name.rpartition("__mutmut_")[0]

    @property
    def folder(self) -> str:
        """The folder of the tests of its package."""
        return f"tests/{self.name.split('.')[1].removeprefix('_')}/"

    @property
    def file(self) -> str:
        """How the names of the test files of its module begin."""
        return f"{self.folder}test_{self.name.split('.')[2]}"

    def is_result(self, code: int) -> None:
        """Write the result where mutmut finds it."""
        self.data.exit_code_by_key[self.name] = code
        os.chdir("..")
        self.data.save()
        os.chdir("mutants")


def all_changes() -> Iterator[tuple[Change, Path, range]]:
    """Each change, with its file and the lines that are executed where nothing is changed."""
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        spans = MutantLineSpans.load(path)
        if spans is None:
            continue
        lines = (Path("mutants") / path).read_text(encoding="utf-8").splitlines()
        of = {name: lines[span.start - 1 : span.end] for name, span in spans.span_by_function_name.items()}
        for name in data.exit_code_by_key:
            generated = name.rpartition(".")[2]
            original = f"{generated.rpartition('__mutmut_')[0]}__mutmut_orig"
            start = spans.span_by_function_name[original].start
            concerned = changed_lines(of[original], [line.replace(generated, original) for line in of[generated]])
            yield Change(name, data), Path(path), range(start + concerned.start, start + concerned.stop)


def _folder_of(process: int) -> Path:
    """The folder for the temporary files of a child."""
    return Path(tempfile.gettempdir()) / f"mutation-{os.getuid()}" / str(process)


@dataclass
class _Running:
    change: Change
    tests: list[str]
    reader: int
    ends: float
    checked: str = ""
    """The test that failed before, if this child runs it once more alone."""


class Runner:
    """A plugin of pytest that tries changes instead of running each test once."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._items: dict[str, pytest.Item] = {}
        self._seconds: dict[str, float] = {}
        self._lines_of: Counter[str] = Counter()
        self._variants: dict[str, int] = {}
        """How many other arguments of the same test function come before those of this test."""
        self._noticed: dict[str, Counter[str]] = defaultdict(Counter)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all tests without a change, and then those of each change."""
        self._items = {item.nodeid: item for item in session.items}
        functions: Counter[str] = Counter()
        for test in self._items:
            function = test.partition("[")[0]
            self._variants[test] = functions[function]
            functions[function] += 1
        gc.freeze()  # so that children share the memory
        os.waitpid(self._fork(self._run_unchanged), 0)
        self._seconds = json.loads(Path(_SECONDS).read_text(encoding="utf-8"))
        for test in self._items.keys() - self._seconds.keys():
            print(f"left out, because it fails without a change: {test}", file=sys.__stderr__, flush=True)
        self._try(self._changes())
        return True

    def _fork(self, run: Callable[[], None]) -> int:
        process = os.fork()
        if process:
            return process
        try:
            os.setpgid(0, 0)
            folder = _folder_of(os.getpid())
            folder.mkdir(parents=True)
            os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)  # the parent removes it
            nothing = os.open(os.devnull, os.O_RDWR)
            for each in range(3):
                os.dup2(nothing, each)
            run()
        finally:
            os._exit(99)

    def _run_unchanged(self) -> NoReturn:
        """Note the lines that each test executes, and how long it takes."""
        measured = coverage.Coverage(data_file=_COVERAGE, config_file=False, include=config().only_mutate)
        measured.start()
        seconds: dict[str, float] = {}
        for item in self._items.values():
            measured.switch_context(item.nodeid)
            started = time.monotonic()
            if not list(self._failures([item])):
                seconds[item.nodeid] = time.monotonic() - started
        measured.stop()
        measured.save()
        Path(_SECONDS).write_text(json.dumps(seconds), encoding="utf-8")
        os._exit(0)

    @staticmethod
    def _failures(items: Iterable[pytest.Item]) -> Iterator[str]:
        """Run tests up to the first that fails, and yield its name."""
        failed: list[str] = []

        class Reports:
            def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
                if report.failed:
                    failed.append(report.nodeid)

        for item in items:
            plugin = item.config.pluginmanager.register(Reports())
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            item.config.pluginmanager.unregister(name=plugin)
            if failed:
                yield failed[0]
                return

    def _run_changed(self, name: str, tests: list[str], writer: int) -> NoReturn:
        set_mutant_under_test(name)
        for each in self._failures([self._items[test] for test in tests]):
            os.write(writer, each.encode())
        os._exit(0)

    def _changes(self) -> list[Change]:
        """The changes to try, with their tests."""
        data = coverage.CoverageData(_COVERAGE)
        data.read()
        os.chdir("..")
        found = list(all_changes())
        os.chdir("mutants")
        executed = {path: data.contexts_by_lineno(str(Path.cwd() / path)) for path in {path for _, path, _ in found}}
        for change, path, lines in found:
            run = {each for line in lines for each in executed[path].get(line, ())}
            change.tests = sorted(run & self._seconds.keys())
            self._lines_of.update(change.tests)
        patterns: list[str] = self._options.mutants or ["*"]
        again = {_SURVIVED, _NO_TESTS} if self._options.again else set[int]()
        return [
            change
            for change, _, _ in found
            if change.data.exit_code_by_key[change.name] in {None, *again}
            and any(fnmatch.fnmatch(change.name, pattern) for pattern in patterns)
        ]

    def _chosen(self, change: Change) -> list[str]:
        """The tests to run for a change, in their order."""
        noticed = self._noticed[change.function]

        def rank(test: str) -> tuple[int, int, float]:
            seconds = self._seconds[test] + _OVERHEAD
            if noticed[test]:
                return 0, 0, seconds / noticed[test]
            near = test.startswith(change.folder) + test.startswith(change.file)
            return 1 + self._variants[test], 2 - near, seconds * (300 + self._lines_of[test])

        chosen, left = list[str](), float(self._options.seconds)
        for test in sorted(change.tests, key=rank):
            left -= self._seconds[test] + _OVERHEAD
            if chosen and left < 0:
                break
            chosen.append(test)
        return chosen

    def _try(self, changes: list[Change]) -> None:
        """Try changes, several at a time."""
        running: dict[int, _Running] = {}
        done, waiting = 0, changes[::-1]
        while waiting or running:
            while waiting and len(running) < self._options.jobs:
                change = waiting.pop()
                tests = self._chosen(change)
                if tests:
                    self._start(running, change, tests)
                else:
                    change.is_result(_NO_TESTS)
                    done += 1
            time.sleep(0.01)
            for process in list(running):
                if self._has_ended(process, running):
                    done += 1
                    if done % 50 == 0:
                        print(f"{done:,} of {len(changes):,} changes", file=sys.__stderr__, flush=True)

    def _start(self, running: dict[int, _Running], change: Change, tests: list[str], checked: str = "") -> None:
        reader, writer = os.pipe()
        ends = time.monotonic() + self._options.seconds * 3 + _LONGEST_WAIT
        run = [checked] if checked else tests
        process = self._fork(lambda: self._run_changed(change.name, run, writer))
        os.close(writer)
        running[process] = _Running(change, tests, reader, ends, checked)

    def _has_ended(self, process: int, running: dict[int, _Running]) -> bool:
        """Whether the change has its result now. A test that fails only once under load has noticed nothing."""
        child = running[process]
        ended, status = os.waitpid(process, os.WNOHANG)
        is_late = not ended and time.monotonic() > child.ends
        if not ended and not is_late:
            return False
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)  # the programs that its tests started, too
        shutil.rmtree(_folder_of(process), ignore_errors=True)
        if is_late:
            os.waitpid(process, 0)
        failed = os.read(child.reader, 65536).decode()
        os.close(child.reader)
        del running[process]
        change, tests = child.change, child.tests
        if is_late:
            change.is_result(_TIMEOUT)
        elif failed and not child.checked:
            self._start(running, change, tests, failed)
            return False
        elif failed or os.waitstatus_to_exitcode(status):
            self._noticed[change.function][failed] += 1
            change.is_result(_KILLED)
        elif child.checked and (rest := tests[tests.index(child.checked) + 1 :]):
            self._start(running, change, rest)
            return False
        else:
            change.is_result(_SURVIVED)
        return True


def main() -> int:
    """Make the changes, and try them.

    Returns:
        The exit status of pytest.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.mutation_run", description=__doc__)
    parser.add_argument("mutants", nargs="*")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    set_mutant_under_test("mutant_generation")
    copy_src_dir()
    copy_also_copy_files()
    with redirect_stdout(io.StringIO()):  # the names of all files
        create_mutants(options.jobs)
    set_mutant_under_test("")
    settings = config()
    os.chdir("mutants")
    arguments = ["--rootdir=.", "--tb=no", "-q", "--capture=sys", *settings.pytest_add_cli_args]
    return int(pytest.main([*arguments, *settings.pytest_add_cli_args_test_selection], plugins=[Runner(options)]))


if __name__ == "__main__":
    sys.exit(main())
