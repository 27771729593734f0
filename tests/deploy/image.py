"""The Dockerfile's steps, executed without an engine as far as they go: `make test-image`, var/test-image.json.

Each stage becomes a folder; its COPY and RUN steps are done there, in their order, from a copy of the sources as the engine would get them.
A path that begins with the stage's own folders is read inside of it. What only an engine's own root can do (`ENGINE`) is written down as not
done. In the end the program's stage is started as its ENTRYPOINT and CMD say, by a user that may write to no file of it, and asked by its
HEALTHCHECK; whatever it wrote into the stage's folder is a fault, for its root is read-only.
"""

from __future__ import annotations

import fnmatch
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dockerfile_parse import DockerfileParser

from mdo.cli.bootstrap import node_environment
from mdo.cli.steps import Steps
from mdo.environment import BASE_DIR, placeholders

ENGINE = ("useradd", "chown", "cp /usr/bin/caddy", "mkdir -p /data")
"""Beginnings of commands that change the root of an image, which this machine has none of."""
RESULT = BASE_DIR / "var" / "test-image.json"


@dataclass
class Stage:
    """One FROM with what follows it."""

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def values(self, instruction: str) -> list[str]:
        """What stands after each of these instructions."""
        return [value for name, value in self.steps if name == instruction]


def stages(dockerfile: Path = BASE_DIR / "Dockerfile") -> dict[str, Stage]:
    """The stages by name, in order."""
    parsed = DockerfileParser(fileobj=io.BytesIO(dockerfile.read_bytes()))
    found: dict[str, Stage] = {}
    for each in parsed.structure:
        if each["instruction"] == "FROM":
            base, _, name = each["value"].split()
            found[name] = current = Stage(name, base)
        elif each["instruction"] != "COMMENT":
            current.steps.append((each["instruction"], each["value"]))
    return found


def context() -> list[str]:
    """The files that the engine would get: what git knows, without what .dockerignore names."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=BASE_DIR, capture_output=True, text=True, check=True).stdout
    left_out = [line for line in (BASE_DIR / ".dockerignore").read_text().splitlines() if line]
    return [
        name
        for name in listed.split("\0")
        if name
        and (BASE_DIR / name).is_file()
        and not any(
            name == each or name.startswith(f"{each}/") or fnmatch.fnmatch(f"/{name}", f"/{each}/*")
            for each in left_out
        )
    ]


class Builder:
    """Does the steps of one stage after the other below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.places: dict[str, Path] = {}
        self.ends: dict[str, tuple[Path, dict[str, str]]] = {}
        self.done: list[dict[str, object]] = []

    def build(self, stage: Stage) -> Path:
        """The stage's folder, with its steps done. Raises ``CalledProcessError``."""
        if stage.base in self.places:  # goes on where another one ended
            place, (self.here, self.variables) = self.places[stage.base], self.ends[stage.base]
        else:
            place = self.root / stage.name
            place.mkdir()
            self.here, self.variables = place, self._variables(stage, place)
        for name, value in stage.steps:
            started = time.monotonic()
            how = getattr(self, f"_{name.lower()}", lambda _place, _value: "noted")(place, value)
            self.done.append(
                {"stage": stage.name, "step": f"{name} {value}", "how": how, "s": round(time.monotonic() - started, 1)}
            )
        self.places[stage.name], self.ends[stage.name] = place, (self.here, self.variables)
        return place

    def _variables(self, stage: Stage, place: Path) -> dict[str, str]:
        """What the base image brings: its program first on the path. How packages are reached stays as it is on this machine."""
        kept = {name: os.environ[name] for name in ("HOME", "PATH", "SSL_CERT_FILE", "LANG") if name in os.environ}
        kept |= {name: value for name, value in os.environ.items() if name.lower().startswith(("pip_", "npm_config_"))}
        if stage.base.startswith("node:"):
            fitting = node_environment(Steps())
            return kept | {name: fitting[name] for name in fitting if name == "PATH" or name.startswith("npm_config_")}
        if stage.base.startswith("python:"):
            subprocess.run([sys.executable, "-m", "venv", str(place / "python")], check=True)
            return kept | {"PATH": f"{place / 'python' / 'bin'}{os.pathsep}{kept['PATH']}"}
        return kept

    def _inside(self, place: Path, path: str) -> Path:
        return place / path.lstrip("/") if path.startswith("/") else self.here / path

    def _workdir(self, place: Path, value: str) -> str:
        self.here = self._inside(place, value)
        self.here.mkdir(parents=True, exist_ok=True)
        return "done"

    def _env(self, place: Path, value: str) -> str:
        self.variables = self.variables | dict(each.split("=", 1) for each in shlex.split(value))
        return "done"

    def _copy(self, place: Path, value: str) -> str:
        *sources, target = value.split()
        if sources[0].startswith("--from="):
            origin, sources = self.places[sources[0].removeprefix("--from=")], sources[1:]
            (source,) = sources
            shutil.copytree(origin / source.lstrip("/"), self._inside(place, target), dirs_exist_ok=True)
            return "done"
        files = context()
        for source in sources:
            under = "" if source == "." else source.rstrip("/")
            chosen = [name for name in files if not under or name == under or name.startswith(f"{under}/")]
            assert chosen, f"COPY {source}: there is no such file"
            for name in chosen:
                inner = name if not under else name.removeprefix(f"{under}/")
                into = self._inside(place, target)
                if name == under:
                    into = into / Path(name).name if target.endswith("/") else into
                else:
                    into = into / inner
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(BASE_DIR / name, into)
        return "done"

    def _run(self, place: Path, value: str) -> str:
        commands = [each.strip() for each in value.split("&&")]
        mine = [each for each in commands if not each.startswith(ENGINE)]
        for command in mine:
            variables = {
                name: str(self._inside(place, text)) if name == "MDO_VAR" else text
                for name, text in self.variables.items()
            }
            subprocess.run(["/bin/sh", "-c", command], cwd=self.here, env=variables, check=True)
        return "done" if mine == commands else f"left to an engine: {[each for each in commands if each not in mine]}"


def started(place: Path, stage: Stage, variables: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The stage's ENTRYPOINT and CMD as processes of a user that owns no file of it; ended afterwards."""
    command = [word for name in ("ENTRYPOINT", "CMD") for word in json.loads(stage.values(name)[-1])]
    var = Path(tempfile.mkdtemp(prefix="mdo-image-"))
    nobody = 65534 if os.geteuid() == 0 and reachable(place) else None
    if nobody:
        os.chown(var, nobody, nobody)
    told = placeholders() | {"MDO_PORT": str(port), "MDO_VAR": str(var), "MDO_MODE": "production"}
    told |= {"MDO_ORIGINS": "https://moc.example.org", "MDO_HOST": "0.0.0.0"}
    process = subprocess.Popen(
        command,
        cwd=place / "app",
        env={**variables, **told},
        user=nobody,
        group=nobody,
        extra_groups=[] if nobody else None,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(var, ignore_errors=True)


def reachable(place: Path) -> bool:
    """Can a user without rights run the stage's Python? Not where this machine's own lies below root's home."""
    asked = [str(place / "python" / "bin" / "python"), "-c", "import django"]
    try:
        return subprocess.run(asked, user=65534, group=65534, extra_groups=[], cwd="/", check=False).returncode == 0
    except OSError:
        return False


def contents(place: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder, with its size and when it was written."""
    found = {path: path.lstat() for path in place.rglob("*")}
    return {str(path): (stat.st_size, stat.st_mtime_ns) for path, stat in found.items() if not path.is_dir()}


def health_command(stage: Stage) -> list[str]:
    """What the HEALTHCHECK runs."""
    found = re.search(r"CMD\s+(\[.*\])", stage.values("HEALTHCHECK")[-1], re.DOTALL)
    assert found
    words: list[str] = json.loads(found[1])
    return words


def main() -> int:
    """Build every stage, start the program, ask it; writes var/test-image.json. 0 when all went well."""
    from tests.ports import free_port

    root = Path(tempfile.mkdtemp(prefix="mdo-image-"))
    root.chmod(0o755)
    begun = time.monotonic()
    try:
        builder = Builder(root)
        found = stages()
        for stage in found.values():
            builder.build(stage)
        program = found["program"]
        port = free_port()
        variables = {"PATH": f"{builder.places['program'] / 'python' / 'bin'}:/usr/bin:/bin", "MDO_PORT": str(port)}
        variables |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
        healthy, before = False, contents(builder.places["program"])
        for process in started(builder.places["program"], program, variables, port):
            deadline = time.monotonic() + 90
            while not healthy and process.poll() is None and time.monotonic() < deadline:
                asked = subprocess.run(health_command(program), env=variables, capture_output=True, check=False)
                healthy = asked.returncode == 0
        written = sorted(set(contents(builder.places["program"]).items()) ^ set(before.items()))
        result = {
            "ok": healthy and not written,
            "s": round(time.monotonic() - begun, 1),
            "healthy": healthy,
            "written_to_the_root": [path for path, _ in written],
            "steps": builder.done,
        }
    finally:
        shutil.rmtree(root, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    for step in builder.done:
        print(f"{step['s']:>7} s  {step['stage']:<9} {str(step['step'])[:90]}  ({step['how']})")
    print(f"{'ok' if result['ok'] else 'FAILED'}: {RESULT}")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
