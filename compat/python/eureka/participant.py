"""Registers, renews and fetches every second with py-eureka-client, prints what it sees, and leaves
when its input ends: participant.py URL NAME PORT"""

import sys
import threading
import time

import py_eureka_client.eureka_client as eureka_client


def watch(client):
    before = None
    while True:
        registry = client.applications
        applications = registry.applications if registry else []
        names = {app.name.upper() for app in list(applications) if app.up_instances}
        now = " ".join(["seen", *sorted(names)])
        if now != before:
            print(now, flush=True)
        before = now
        time.sleep(0.1)


def main():
    url, name, port = sys.argv[1:]
    client = eureka_client.init(
        eureka_server=url,
        app_name=name,
        instance_host="127.0.0.1",
        instance_ip="127.0.0.1",
        instance_port=int(port),
        renewal_interval_in_secs=1,
        duration_in_secs=10,
    )
    threading.Thread(target=watch, args=(client,), daemon=True).start()
    sys.stdin.read()
    eureka_client.stop()
    print("left", flush=True)


main()
