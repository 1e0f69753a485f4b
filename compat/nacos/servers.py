"""The servers of compat/nacos: ours and any other beside it, and what they are asked directly."""

import json
import os
import random
import signal
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import harness
from harness import Failed, do, free_port, until

# Of which all participants are instances.
SERVICE = "compat"


class Rialto(harness.Server):
    """Ours, which forgets nothing that it was told when it is killed.

    It asks nobody to sign in at first and everybody when it is started again. The clients can from
    the beginning, as a user whom an administrator made with Nacos's own calls.
    """

    forgets = False
    user, password, role = "compat", "compat-password", "compat-role"

    def __init__(self, binary, folder):
        self.address = f"127.0.0.1:{free_ports()}"
        settings = {
            "nacos.listen": self.address,
            "api.listen": f"127.0.0.1:{free_port()}",
            "eureka.listen": "off",
            "gateway.listen": "off",
        }
        super().__init__(binary, folder, settings)
        self.environment = {"RIALTO_ADMIN_PASSWORD": self.password}
        self.token = None

    def credentials(self):
        """Makes the user, and says what the clients have to know."""
        users, who = "/nacos/v1/auth/users", {"username": self.user}
        admin = self.sign_in("admin")
        call(self, "POST", users, {**who, "password": self.password, "accessToken": admin})
        role = {"role": self.role, "accessToken": admin}
        call(self, "POST", "/nacos/v1/auth/roles", {**who, **role})
        right = {"resource": "public:*:*", "action": "rw"}
        call(self, "POST", "/nacos/v1/auth/permissions", {**role, **right})
        self.token = self.sign_in(self.user)
        return {"COMPAT_USER": self.user, "COMPAT_PASSWORD": self.password}

    def sign_in(self, user):
        form = {"username": user, "password": self.password}
        return json.loads(call(self, "POST", "/nacos/v1/auth/login", form))["accessToken"]

    def start_closed(self):
        self.settings["nacos.auth"] = "required"
        self.start()
        query = {"serviceName": SERVICE}
        try:
            call(self, "GET", "/nacos/v1/ns/instance/list", query)
        except urllib.error.HTTPError as refused:
            if refused.code == 403:
                return
        raise Failed("somebody who did not sign in was not refused")


class Peer:
    """Another server, whose instances are gone when it was killed."""

    forgets = True
    token = None

    def __init__(self, command, arguments, folder):
        port = free_ports()
        self.address = f"127.0.0.1:{port}"
        self.command = [command, str(port), str(folder / "data"), *arguments]
        self.pid = None

    def start(self):
        pid_file = do(*self.command).decode().split()[-1]
        self.pid = int(Path(pid_file).read_text())

    start_closed = start

    def credentials(self):
        return {}

    def kill(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            until("the peer ends", lambda: not running(self.pid))
            self.pid = None


def running(pid):
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True).stdout
    return bool(state) and not state.startswith(b"Z")


def free_ports():
    """A port whose neighbours in which Nacos servers listen are free too."""
    while True:
        port = random.randrange(12_000, 30_000)
        try:
            for each in (port, port + 1_000, port + 1_001, port - 1_000):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", each))
            return port
        except OSError:
            continue


def call(server, method, path, parameters):
    form = urllib.parse.urlencode(parameters)
    url = f"http://{server.address}{path}"
    request = urllib.request.Request(f"{url}?{form}", method=method)
    if method == "POST":
        request = urllib.request.Request(url, data=form.encode(), method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def listed(server, service):
    """Whom the server itself lists."""
    query = {"serviceName": service} | ({"accessToken": server.token} if server.token else {})
    return json.loads(call(server, "GET", "/nacos/v1/ns/instance/list", query))["hosts"]
