"""The unmodified clients of compat/nacos: how each is installed and run, what its users know that
it does not do, and the process in which it answers."""

import json
import os
import queue
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass
from typing import Callable

import harness
from harness import COMPAT, PATIENCE_S, Failed, do, installed

# Listens again after a restart as soon as it is connected.
PROMPT_S = 10
# As long as the check waits for one to listen again.
LATE_S = 60


# === Clients ===


def java(version):
    return lambda: harness.java("nacos", f"-Dclient.version={version}")


def go(mod):
    def prepare():
        project = COMPAT / "go/nacos"
        sources = [project / name for name in ("main.go", f"{mod}.mod", f"{mod}.sum")]

        def install(folder):
            do("go", "build", f"-modfile={mod}.mod", "-o", folder / "participant", ".", cwd=project)

        return [installed("nacos-go", sources, install) / "participant"], {}

    return prepare


def rust():
    project = COMPAT / "rust/nacos"
    sources = [project / name for name in ("Cargo.toml", "Cargo.lock", "src/main.rs")]

    def install(folder):
        target = {**os.environ, "CARGO_TARGET_DIR": str(folder / "target")}
        do("cargo", "build", "--quiet", "--locked", cwd=project, env=target)
        shutil.move(folder / "target/debug/rialto-compat-nacos", folder / "participant")
        shutil.rmtree(folder / "target")

    return [installed("nacos-rust", sources, install) / "participant"], {}


@dataclass(frozen=True)
class Client:
    """How to run one, and what its users know that it does not do."""

    prepare: Callable
    # Kept by beats over HTTP and not by a connection.
    beats: bool = False
    cas: bool = True
    # Tells of a configuration that was not there when it began to listen, and of a removal.
    tells_of_new: bool = True
    tells_of_removed: bool = True
    # How long after a new connection it listens again at the latest.
    listens_again_s: int = PROMPT_S


CLIENTS = {
    "java-1.4.8": Client(java("1.4.8"), beats=True, cas=False),
    "java-2.5.1": Client(java("2.5.1")),
    "java-3.1.1": Client(java("3.1.1")),
    "java-3.2.1": Client(java("3.2.1-2026.03.30")),
    "spring": Client(lambda: harness.java("nacos-spring"), tells_of_removed=False),
    "go-2.2.2": Client(go("old"), listens_again_s=300),
    "go-2.3.5": Client(go("go")),
    "python-1.0.0": Client(lambda: harness.python("nacos-http"), beats=True, cas=False),
    "python-3.2.0": Client(lambda: harness.python("nacos-grpc")),
    "node-2.6.3": Client(lambda: harness.node("nacos"), beats=True, cas=False),
    "rust-0.8.3": Client(
        rust, tells_of_new=False, tells_of_removed=False, listens_again_s=LATE_S
    ),
}
# They see the others go: of two kinds, both told at once what happens.
SURVIVORS = ["java-3.1.1", "go-2.3.5"]
ONLY = os.environ.get("RIALTO_COMPAT_ONLY", ",".join(CLIENTS)).split(",")
DUBBO = ["dubbo-provider", "dubbo-consumer"]
# Under which the provider is registered, as an application and by what it serves.
DUBBO_SERVICES = ["dubbo-provider", "providers:rialto.compat.Who::"]


class Participant:
    """A client in a process of its own, which says on its output what it did and was told."""

    def __init__(self, name, command, environment, arguments, folder):
        self.name = name
        self.client = CLIENTS.get(name)
        self.key = f"compat-{name}"
        self.seen = {}
        self.heard = {}
        self.unhealthy = set()
        # The fewest instances that it was told of since this was last set.
        self.fewest = 0
        self.took = {}
        self.answers = queue.Queue()
        home = folder / name
        home.mkdir()
        if command[0] == "java":
            command = ["java", f"-Duser.home={home}", *command[1:]]
        self.process = subprocess.Popen(
            [str(part) for part in [*command, *arguments]],
            env={**os.environ, **environment, "HOME": str(home)},
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(folder / f"{name}.log").open("w"),
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            if not line.startswith("{"):
                continue
            answer = json.loads(line)
            if answer["step"] == "seen":
                self.seen = answer["hosts"]
                self.fewest = min(self.fewest, len(self.seen))
                self.unhealthy |= {name for name, (*_, up) in self.seen.items() if not up}
            elif answer["step"] == "heard":
                self.heard[answer["key"]] = answer["value"]
            else:
                self.answers.put(answer)

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def answer(self, step, within_s=PATIENCE_S):
        try:
            answer = self.answers.get(timeout=within_s)
        except queue.Empty:
            raise Failed(f"{self.name} did not answer {step} within {within_s} s") from None
        if answer["step"] != step or not answer["ok"]:
            raise Failed(f"{self.name} answered {step} with {answer}")
        return answer

    def call(self, *words):
        self.tell(*words)
        return self.answer(words[0])

    def ended(self):
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended with {self.process.returncode}")
        return False

    def kill(self):
        # With what it has started.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
