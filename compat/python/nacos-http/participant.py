"""Subscribes to the service and listens to its keys with nacos-sdk-python 1, which speaks HTTP v1,
then does what its input says, a call a line; every answer and every notice is a line of JSON:
participant.py ADDRESS NAME PORT KEY..."""

import json
import os
import sys
import threading

import nacos
from nacos.listener import SubscribeListener

SERVICE = "compat"
GROUP = "DEFAULT_GROUP"


class Participant:
    def __init__(self, address, name, port):
        user, password = os.environ.get("COMPAT_USER"), os.environ.get("COMPAT_PASSWORD")
        self.client = nacos.NacosClient(address, namespace="", username=user, password=password)
        self.client.set_options(no_snapshot=True)
        self.name = name
        self.port = int(port)

    def listen(self, keys):
        # This client tells of single instances; what it lists then is what its user sees.
        self.client.subscribe(SubscribeListener(self.changed, SERVICE), 0.5, SERVICE)
        # Otherwise the first poll that fails is the last one.
        for timer in self.client.subscribe_timer_manager.all_timers().values():
            timer.set_ignore_ex(True)
        for key in keys:
            self.client.add_config_watcher(key, GROUP, self.heard)

    def changed(self, _event, _instance):
        say("seen", **self.list())

    def heard(self, change):
        say("heard", key=change["data_id"], value=change["content"] or "")

    def instance(self, weight, round_):
        metadata = {"client": self.name, "round": round_}
        # This client calls the cluster "None" where it is not told one.
        where = {"cluster_name": "DEFAULT", "ephemeral": True}
        return {"weight": float(weight), "metadata": metadata, **where}

    def register(self, weight, round_):
        self.client.add_naming_instance(
            SERVICE, "127.0.0.1", self.port, heartbeat_interval=5, **self.instance(weight, round_)
        )

    def update(self, weight, round_):
        self.client.modify_naming_instance(
            SERVICE, "127.0.0.1", self.port, **self.instance(weight, round_)
        )

    def deregister(self):
        self.client.remove_naming_instance(SERVICE, "127.0.0.1", self.port, "DEFAULT")

    def list(self):
        hosts = {}
        for host in self.client.list_naming_instance(SERVICE)["hosts"]:
            metadata = host["metadata"]
            hosts[metadata["client"]] = [host["weight"], metadata.get("round"), host["healthy"]]
        return {"hosts": hosts}

    def publish(self, key, value):
        self.client.publish_config(key, GROUP, value)

    def read(self, key):
        return {"value": self.client.get_config(key, GROUP) or ""}

    def remove(self, key):
        self.client.remove_config(key, GROUP)


saying = threading.Lock()


def say(step, ok=True, **found):
    with saying:
        print(json.dumps({"step": step, "ok": ok, **found}), flush=True)


def main():
    self = Participant(*sys.argv[1:4])
    self.listen(sys.argv[4:])
    say("ready")
    for line in sys.stdin:
        step, *words = line.split()
        try:
            say(step, **(getattr(self, step)(*words) or {}))
        except Exception as failed:
            say(step, False, found=repr(failed))


main()
