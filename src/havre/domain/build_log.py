"""Reading BuildKit's plain progress output: lines for people, time per stage, the failing step.

The format is that of ``docker build --progress=plain``. It is documented nowhere; the patterns here
come from output recorded of Docker 20.10's BuildKit and of buildx (tests/unit/domain/recorded_builds).
Each step has a number; its first line names it, and later lines carry its output, its progress or
its end::

    #7 [builder 3/9] RUN pnpm install          its name: stage, step, instruction
    #7 sha256:8f2e…                            its digest (20.10 only)
    #7 1.204 Progress: resolved 312            its output, after the seconds since it began
    #7 DONE 3.2s        or        #7 CACHED    its end
    #7 ERROR: … exit code: 1
"""

from __future__ import annotations

import json
import re
import shlex
from collections import deque
from dataclasses import dataclass, field
from itertools import dropwhile

from havre.domain.build import StageTiming

TAIL_LINES = 20
"""Lines of a failed step that are shown."""

LONGEST_SHOWN = 160
"""Characters of an instruction that are shown in a message or a line of the log."""

CONTEXT_STAGE = "(context)"
EXPORT_STAGE = "(export)"

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_OUTPUT_PREFIX = re.compile(r"#\d+ \d+\.\d+ ")
_STEP_LINE = re.compile(r"#(\d+) (.*)")
_OUTPUT = re.compile(r"\d+\.\d+ ?(.*)")
_DONE = re.compile(r"DONE (\d+(?:\.\d+)?)s")
_NAME = re.compile(r"\[(?:[a-z0-9]+/[a-z0-9/]+ )?(?:(?P<stage>[^\]\s]+) +)?\d+/\d+\] (?P<instruction>.*)")
_RUN_OPTIONS = re.compile(r"RUN (?:--[a-z]+=\S+ +)+")
_SHELL_OPTIONS = frozenset({"-c", "-ec"})
_EXIT_CODE = re.compile(r"exit code: (\d+)$", re.MULTILINE)


def clean(line: str) -> str:
    """The line without terminal escapes and control characters; of an overwritten line, its last state."""
    states = [part for part in line.rstrip("\r\n").split("\r") if part]
    text = states[-1] if states else ""
    if len(states) > 1 and (prefix := _OUTPUT_PREFIX.match(states[0])):
        text = prefix[0] + text  # a command's line that overwrites itself stays that step's output
    text = _ESCAPES.sub("", text)
    return _CONTROLS.sub("", text.replace("\t", "    ")).rstrip()


def shorten(text: str) -> str:
    """The text on one line of bearable length."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def readable(instruction: str) -> str:
    """An instruction as its author thinks of it: without mounts, a shell command without its wrapping."""
    text = _RUN_OPTIONS.sub("RUN ", instruction)
    if text.startswith("RUN ["):
        try:
            words = [str(word) for word in json.loads(text.removeprefix("RUN "))]
        except ValueError:
            return shorten(text)
        text = f"RUN {_without_shell(words)}"
    return shorten(" ".join(text.split()))


def _without_shell(words: list[str]) -> str:
    """The command of an exec form, without ``env``; of ``sh -c``, the script, or its name and arguments."""
    if words[:1] == ["env"]:
        words = list(dropwhile(lambda word: "=" in word, words[1:]))
    at = next((at for at, word in enumerate(words) if word in _SHELL_OPTIONS), len(words))
    script, arguments = words[at + 1 : at + 2], words[at + 2 :]
    return script[0] if script and not arguments else shlex.join(arguments or words)


@dataclass
class Step:
    """One numbered step of a build."""

    name: str
    stage: str
    instruction: str
    seconds: float = 0.0
    finished: bool = False
    cached: bool = False
    error: str = ""
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))


class BuildLog:
    """Reads a build's output line by line; nothing else is kept than what a report needs."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.notes: deque[str] = deque(maxlen=TAIL_LINES)
        """Lines that belong to no step: the client's own messages, the last one the outcome."""
        self._in_summary = False

    def feed(self, raw: str) -> str:
        """Take one line; gives back what to show of it, or the empty string for nothing."""
        line = clean(raw)
        if match := _STEP_LINE.fullmatch(line):
            if match[1] == "0":  # buildx: which builder it uses
                return ""
            if not self._in_summary:
                return self._step_line(match[1], match[2])
            return ""  # the summary repeats the failed step's output
        if line.startswith("------"):
            self._in_summary = True
        elif line and not line.startswith(" > "):
            self.notes.append(line)
            return "" if self._in_summary else line
        return ""

    def _step_line(self, number: str, text: str) -> str:
        step = self.steps.get(number)
        if step is None:
            self.steps[number] = step = _named(text)
            return f"{_place(step)} {readable(step.instruction)}" if step.instruction else ""
        if output := _OUTPUT.fullmatch(text):
            step.tail.append(output[1])
            return f"  {output[1]}"
        if text.startswith("ERROR: "):
            step.error = text.removeprefix("ERROR: ")
            return f"failed: {step.error}"
        return _end(step, text)

    def stages(self) -> tuple[StageTiming, ...]:
        """Time of each stage, in the order in which they began."""
        by_stage: dict[str, list[Step]] = {}
        for step in self.steps.values():
            by_stage.setdefault(step.stage, []).append(step)
        return tuple(
            StageTiming(
                name=name,
                seconds=round(sum(step.seconds for step in steps), 3),
                cached=_all_cached(steps),
                steps=len(steps),
            )
            for name, steps in by_stage.items()
        )

    @property
    def failed(self) -> Step | None:
        """The step that failed, if one did."""
        return next((step for step in reversed(self.steps.values()) if step.error), None)

    @property
    def outcome(self) -> str:
        """The client's last word, without the prefixes it puts before the cause."""
        errors = [note for note in self.notes if note.startswith("ERROR: ")]  # advice may follow it
        text = (errors or list(self.notes) or [""])[-1]
        for prefix in (
            "ERROR: ",
            "failed to solve: ",
            "rpc error: code = Unknown desc = ",
            "failed to solve with frontend dockerfile.v0: ",
            "failed to create LLB definition: ",
        ):
            text = text.removeprefix(prefix)
        return text

    @property
    def exit_code(self) -> int | None:
        """Exit code of the command that failed, if it was a command.

        The last one told counts: the error repeats the command, which may have several lines.
        """
        told = "\n".join([self.failed.error if self.failed else "", *self.notes])
        codes = _EXIT_CODE.findall(told)
        return int(codes[-1]) if codes else None


def _named(name: str) -> Step:
    if match := _NAME.fullmatch(name):
        return Step(name, match["stage"] or "stage-0", match["instruction"])
    return Step(name, EXPORT_STAGE if name.startswith("exporting") else CONTEXT_STAGE, "")


def _end(step: Step, text: str) -> str:
    """Note that a step is done, if the line says so (else it is its name again, or a transfer's progress)."""
    done = _DONE.fullmatch(text)
    if not done and (text != "CACHED" or step.finished):
        return ""
    step.finished = True
    step.cached = not done
    step.seconds = max(step.seconds, float(done[1])) if done else 0.0
    if not step.instruction:
        return ""
    return f"{_place(step)} done in {step.seconds:g} s" if done else f"{_place(step)} cached"


def _place(step: Step) -> str:
    return step.name.partition("]")[0] + "]"


def _all_cached(steps: list[Step]) -> bool:
    """Whether nothing was done; ``FROM`` counts only where a stage has nothing else."""
    work = [step for step in steps if not step.instruction.startswith("FROM ")] or steps
    return all(step.cached for step in work)
