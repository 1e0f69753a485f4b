"""What the drivers of unmodified clients share: programs installed into a cache, a server whose
addresses stay the same when it is started again, waiting with an end, and how a driver ends."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

COMPAT = Path(__file__).resolve().parent
ROOT = COMPAT.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rialto-compat"
# A loaded machine is slow; nothing here takes so long when all is well.
PATIENCE_S = 90
# How a driver says that something it needs is not here.
EXIT_NOT_RUN = 77
# Two Mavens at once get into each other's way in the one local repository.
MAVEN = threading.Lock()


class Failed(Exception):
    """Something did not hold."""


# === Programs ===


def installed(name, sources, install, *also):
    """A folder of the cache for these sources, filled by `install` the first time."""
    parts = [*(path.read_bytes() for path in sources), *(text.encode() for text in also)]
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]
    folder = CACHE / f"{name}-{digest}"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(folder)
        (folder / "installed").touch()
    return folder


def do(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}:\n{done.stdout.decode(errors='replace')}")
    return done.stdout


def java(project, *settings):
    """The command of a Maven project's program, packaged with these -D settings."""
    project = COMPAT / "java" / project
    sources = [project / "pom.xml", *sorted(project.glob("src/**/*.java"))]

    def install(folder):
        flags = [*settings, f"-Dcompat.build={folder}"]
        with MAVEN:
            do("mvn", "-q", "-B", "-f", project / "pom.xml", *flags, "package")

    jar = installed(f"{project.name}-java", sources, install, *settings) / "participant.jar"
    # Programs that run for a minute: a second compiler and more collectors only cost start-up.
    level = os.environ.get("RIALTO_COMPAT_LOG", "warn")
    quiet = [f"-Dorg.slf4j.simpleLogger.defaultLogLevel={level}"]
    return ["java", *quiet, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", jar], {}


def node(project):
    project = COMPAT / "node" / project
    sources = [project / "package.json", project / "package-lock.json"]

    def install(folder):
        for source in sources:
            shutil.copy(source, folder)
        flags = ["--no-audit", "--no-fund", "--ignore-scripts"]
        do("npm", "ci", "--prefix", folder, *flags, cwd=folder)

    modules = installed(f"{project.name}-node", sources, install) / "node_modules"
    command = ["node", "--no-deprecation", project / "participant.cjs"]
    return command, {"NODE_PATH": str(modules)}


def python(project):
    project = COMPAT / "python" / project
    requirements = project / "requirements.txt"

    def install(folder):
        do(sys.executable, "-m", "venv", folder / "venv")
        do(folder / "venv/bin/pip", "install", "-q", "--no-deps", "-r", requirements)

    program = installed(f"{project.name}-python", [requirements], install) / "venv/bin/python"
    return [program, project / "participant.py"], {}


# === Server ===


class Server:
    """A rialto whose addresses stay the same when it is started again."""

    def __init__(self, binary, folder, settings):
        self.binary = binary
        self.data = folder / "data"
        self.ready = folder / "ready.json"
        self.log = (folder / "server.log").open("w")
        self.process = None
        self.settings = settings
        # Beside the caller's own, which may not hold settings of this server.
        self.environment = {}

    def start(self):
        self.ready.unlink(missing_ok=True)
        command = [self.binary, "serve", "--data", self.data, "--ready-file", self.ready]
        for key, value in self.settings.items():
            command += ["--set", f"{key}={value}"]
        outer = {name: it for name, it in os.environ.items() if not name.startswith("RIALTO_")}
        environment = {**outer, **self.environment}
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, env=environment
        )

        def serves():
            if self.process.poll() is not None:
                raise Failed(f"the server ended with {self.process.returncode}")
            return self.ready.exists()

        until("the server is ready", serves)

    def kill(self):
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, holds, within_s=PATIENCE_S):
    end = time.monotonic() + within_s
    while not (found := holds()):
        if time.monotonic() > end:
            raise Failed(f"not within {within_s} s: {what}")
        time.sleep(0.05)
    return found


# === A driver ===


def main(part, tools, clients, run):
    """Ends with 0 when everything held, 1 when not, 77 when something to run it with is missing."""
    binary = shutil.which(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("RIALTO_BIN", ""))
    if not binary:
        print(f"{part}: give the path of the rialto binary, or set RIALTO_BIN", file=sys.stderr)
        return 1
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        print(f"{part}: needs {', '.join(missing)}", file=sys.stderr)
        return EXIT_NOT_RUN
    return concluded(clients, lambda folder: run(Path(binary).resolve(), folder))


def concluded(clients, run):
    """Runs in a folder of its own, which stays where something did not hold."""
    folder = Path(tempfile.mkdtemp(prefix="rialto-compat-"))
    print(f"Clients: {', '.join(clients)}", flush=True)
    try:
        run(folder)
    except Failed as failed:
        print(f"FAILED: {failed}\nLogs are kept in {folder}", file=sys.stderr)
        for log in sorted(folder.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text()[-2_000:]}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    print("All held.")
    return 0
