"""What a failed build is told as: the cause by name, the remedy, the end of the step's output."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from havre.domain.build import CA_MOUNT, BuildRequest
from havre.domain.build_log import BuildLog, readable
from havre.domain.ceiling import size
from havre.domain.full_disk import REMEDY, is_full, place
from havre.errors import BuildError, EngineAway, HavreError

OUTPUT_MISSING = "havre: no output: "
"""What a generated Dockerfile prints, followed by the reason, when the build command made nothing."""

OUTPUT_CANDIDATES = "havre: candidates: "
"""What it prints then, followed by the folders that hold an ``index.html``."""

KILLED = 137
"""Exit code of a process ended by SIGKILL (128 + 9), which is how the kernel ends one for memory."""

_METADATA = re.compile(r"\[internal\] load metadata for (?:docker\.io/)?(?:library/)?(?P<image>\S+)")
_NETWORK = re.compile(
    r"dial tcp|i/o timeout|no such host|connection refused|TLS handshake|timeout awaiting|"
    r"temporary failure in name resolution|EOF$|too many requests|toomanyrequests",
    re.IGNORECASE,
)
_MEMORY = re.compile(
    r"out of memory|cannot allocate memory|OOMKilled|oom-kill|JavaScript heap|std::bad_alloc", re.IGNORECASE
)
_TLS = re.compile(
    r"SELF_SIGNED_CERT|CERTIFICATE_VERIFY_FAILED|certificate signed by unknown authority|"
    r"UNABLE_TO_GET_ISSUER_CERT|unable to get local issuer certificate|self-signed certificate",
    re.IGNORECASE,
)
_NO_ENGINE = re.compile(
    r"Cannot connect to the Docker daemon|error during connect|error reading from server|"
    r"failed to dial|closing transport|connection error",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Cause:
    message: str
    hint: str = ""
    retryable: bool = False
    of_engine: bool = False


def explain_failure(
    log: BuildLog,
    request: BuildRequest,
    *,
    code: int,
    dockerfiles: Sequence[str] = (),
    memory: int = 0,
    ran_out: bool = False,
) -> HavreError:
    """The error to raise for a build that failed.

    Args:
        log: the build's output, read to its end.
        request: what was to be built.
        code: exit code of the client.
        dockerfiles: Dockerfiles found below the context, to suggest one.
        memory: bytes that builds may take here; 0 if no ceiling was held.
        ran_out: whether the kernel ended a process of the build for its memory.

    Returns:
        A BuildError, or an EngineAway when the engine itself went away.
    """
    step = log.failed
    tail = list(step.tail) if step else list(log.notes)
    # The error repeats the command, whose words must not pass for a cause; its output comes first.
    told = [] if log.exit_code is not None else [step.error if step else "", log.outcome]
    text = "\n".join([*tail, *told])
    cause = _out_of_memory(log, text, memory, ran_out=ran_out)
    cause = cause or _cause(log, request, text, code, dockerfiles)
    detail = tail if tail or not step else [step.error]
    kind = EngineAway if cause.of_engine else BuildError
    return kind(cause.message, hint=cause.hint, retryable=cause.retryable, detail="\n".join(detail))


def missing_dockerfile(wanted: str, found: Sequence[str]) -> BuildError:
    """The error for a Dockerfile that is not there, naming those that are."""
    return BuildError(
        f"There is no Dockerfile at {wanted} in the build context.", hint=_suggest(wanted, found)
    )


def _suggest(wanted: str, found: Sequence[str]) -> str:
    if not found:
        return "There is no Dockerfile anywhere below the context; add one or correct build.context."
    close = get_close_matches(wanted, found, n=1, cutoff=0.75)
    if close or len(found) == 1:
        return f"Did you mean {(close or found)[0]}? Correct build.dockerfile."
    return f"Set build.dockerfile to one of: {', '.join(found[:8])}."


def _cause(log: BuildLog, request: BuildRequest, text: str, code: int, dockerfiles: Sequence[str]) -> _Cause:
    for look in (_output_missing, _resources, _base_image, _dockerfile):
        if cause := look(log, request, text, dockerfiles):
            return cause
    return _command(log, text, code)


def _output_missing(
    _log: BuildLog, _request: BuildRequest, text: str, _found: Sequence[str]
) -> _Cause | None:
    lines = text.splitlines()
    reason = next((x.removeprefix(OUTPUT_MISSING) for x in lines if x.startswith(OUTPUT_MISSING)), "")
    if not reason:
        return None
    reason = reason[0].upper() + reason[1:]
    candidates = [x.removeprefix(OUTPUT_CANDIDATES) for x in lines if x.startswith(OUTPUT_CANDIDATES)]
    hint = "No folder with an index.html was made either; look at the build command."
    if candidates:
        hint = f"There is an index.html in: {candidates[0]}. Set build.output to that folder."
    return _Cause(reason, hint)


def _where(log: BuildLog) -> str:
    return f" at {readable(log.failed.instruction or log.failed.name)}" if log.failed else ""


def _out_of_memory(log: BuildLog, text: str, memory: int, *, ran_out: bool) -> _Cause | None:
    if not (ran_out or log.exit_code == KILLED or _MEMORY.search(text)) or is_full(text):
        return None
    less = "let the build use less (fewer workers, NODE_OPTIONS=--max-old-space-size)"
    if memory:
        return _Cause(
            f"The build ran out of memory{_where(log)}; builds may take {size(memory)} here.",
            f"Raise the setting HAVRE_BUILD_MEMORY of the server, or {less}.",
        )
    return _Cause(
        f"The build ran out of memory{_where(log)}.", f"Give the server more memory or swap, or {less}."
    )


def _resources(log: BuildLog, _request: BuildRequest, text: str, _found: Sequence[str]) -> _Cause | None:
    if is_full(text):
        # What a step printed may name a folder of its own that only looks like one of the engine's.
        disk = place("" if log.failed and log.failed.tail else text)
        return _Cause(
            f"{disk[0].upper()}{disk[1:]} is full{_where(log)}.", f"{REMEDY[0].upper()}{REMEDY[1:]}."
        )
    if _NO_ENGINE.search(log.outcome) and not log.failed:
        return _Cause(
            "The Docker engine stopped answering during the build.",
            "Check that it runs: havre doctor.",
            retryable=True,
            of_engine=True,
        )
    if "buildx component is missing" in text or "buildx: command not found" in text:
        return _Cause("The docker client cannot build.", "Install buildx: apt-get install docker-buildx.")
    return None


def _base_image(log: BuildLog, _request: BuildRequest, text: str, _found: Sequence[str]) -> _Cause | None:
    step = log.failed
    if not step or step.tail or not (match := _METADATA.match(step.name) or _from(step.instruction)):
        return None
    network = bool(_NETWORK.search(text))
    return _Cause(
        f"The base image {match['image']} is not on this server and could not be pulled.",
        "Its registry cannot be reached from here; load the image with “docker load”, or use a "
        "platform image (havre/…)."
        if network
        else "Check its name and tag in FROM; a private one needs “docker login” on the server.",
        retryable=network,
    )


def _from(instruction: str) -> re.Match[str] | None:
    return re.match(r"FROM (?:docker\.io/)?(?:library/)?(?P<image>[^\s@]+)", instruction)


def _dockerfile(log: BuildLog, request: BuildRequest, text: str, dockerfiles: Sequence[str]) -> _Cause | None:
    if "failed to read dockerfile" in text and "no such file" in text:
        error = missing_dockerfile(request.dockerfile, dockerfiles)
        return _Cause(error.message, error.hint)
    if match := re.search(r"target stage (\S+) could not be found", text):
        return _Cause(f"The Dockerfile has no stage named {match[1]}.", "Correct build.target.")
    if match := re.search(r"dockerfile parse error (?:on )?line (\d+): (.*)", text):
        return _Cause(f"Line {match[1]} of the Dockerfile is not valid: {match[2]}.")
    if match := re.search(r'"(/[^"]*)":? not found', text):
        where = log.failed.instruction if log.failed else "COPY"
        return _Cause(
            f"{match[1].removeprefix('/')} is not in the build context ({where}).",
            "Paths are below build.context; check the spelling, and that .dockerignore and .gitignore "
            "leave it in.",
        )
    return None


def _command(log: BuildLog, text: str, code: int) -> _Cause:
    if not (step := log.failed):
        return _Cause(log.outcome or f"The docker client ended with exit code {code}.")
    what = readable(step.instruction or step.name)
    message = f"{what} failed"
    message += f" with exit code {log.exit_code}." if log.exit_code is not None else f": {step.error}."
    hint = ""
    if _TLS.search(text):
        hint = (
            f"A certificate is not trusted inside the build: put “RUN {CA_MOUNT} …” before what downloads "
            "(and NODE_EXTRA_CA_CERTS for Node.js)."
        )
    elif log.exit_code is not None and _NETWORK.search(text):
        return _Cause(message, "Something could not be downloaded; try again.", retryable=True)
    return _Cause(message, hint)
