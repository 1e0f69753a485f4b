"""Subscribes to the service and listens to its keys with nacos-sdk-python 3, which speaks gRPC,
then does what its input says, a call a line; every answer and every notice is a line of JSON:
participant.py ADDRESS NAME PORT KEY..."""

import asyncio
import json
import os
import sys

from v2.nacos import (
    ClientConfigBuilder,
    ConfigParam,
    DeregisterInstanceParam,
    ListInstanceParam,
    NacosConfigService,
    NacosNamingService,
    RegisterInstanceParam,
    SubscribeServiceParam,
)

SERVICE = "compat"
GROUP = "DEFAULT_GROUP"


class Participant:
    def __init__(self, naming, config, name, port):
        self.naming = naming
        self.config = config
        self.name = name
        self.port = int(port)

    async def listen(self, keys):
        subscription = SubscribeServiceParam(service_name=SERVICE, subscribe_callback=changed)
        await self.naming.subscribe(subscription)
        for key in keys:
            await self.config.add_listener(key, GROUP, heard)

    def instance(self, weight, round_):
        return RegisterInstanceParam(
            service_name=SERVICE,
            ip="127.0.0.1",
            port=self.port,
            weight=float(weight),
            metadata={"client": self.name, "round": round_},
        )

    async def register(self, weight, round_):
        await self.naming.register_instance(self.instance(weight, round_))

    async def update(self, weight, round_):
        await self.naming.update_instance(self.instance(weight, round_))

    async def deregister(self):
        instance = DeregisterInstanceParam(service_name=SERVICE, ip="127.0.0.1", port=self.port)
        await self.naming.deregister_instance(instance)

    async def list(self):
        wanted = ListInstanceParam(service_name=SERVICE, subscribe=False, healthy_only=None)
        return {"hosts": hosts(await self.naming.list_instances(wanted))}

    async def publish(self, key, value):
        await self.config.publish_config(ConfigParam(data_id=key, group=GROUP, content=value))

    async def read(self, key):
        return {"value": await self.config.get_config(ConfigParam(data_id=key, group=GROUP)) or ""}

    async def cas(self, key, value, md5):
        wanted = ConfigParam(data_id=key, group=GROUP, content=value, cas_md5=md5)
        try:
            return {"won": bool(await self.config.publish_config(wanted))}
        except Exception:
            return {"won": False}

    async def remove(self, key):
        await self.config.remove_config(ConfigParam(data_id=key, group=GROUP))


async def changed(instances):
    say("seen", hosts=hosts(instances))


async def heard(_namespace, _group, key, content):
    say("heard", key=key, value=content or "")


def hosts(instances):
    return {
        each.metadata["client"]: [each.weight, each.metadata.get("round"), each.healthy]
        for each in instances
    }


def say(step, ok=True, **found):
    print(json.dumps({"step": step, "ok": ok, **found}), flush=True)


async def main():
    address, name, port, *keys = sys.argv[1:]
    settings = (
        ClientConfigBuilder()
        .server_address(address)
        .log_dir("log")
        .cache_dir("cache")
        .log_level("WARNING")
    )
    if "COMPAT_USER" in os.environ:
        settings.username(os.environ["COMPAT_USER"]).password(os.environ["COMPAT_PASSWORD"])
    settings = settings.build()
    naming = await NacosNamingService.create_naming_service(settings)
    config = await NacosConfigService.create_config_service(settings)
    self = Participant(naming, config, name, port)
    await self.listen(keys)
    say("ready")
    while line := await asyncio.to_thread(sys.stdin.readline):
        step, *words = line.split()
        try:
            say(step, **(await getattr(self, step)(*words) or {}))
        except Exception as failed:
            say(step, False, found=repr(failed))


asyncio.run(main())
