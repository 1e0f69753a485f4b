"""Asks a Nacos server over gRPC and prints each answer as a line of JSON; runs in the environment
of the Python client, whose messages it uses: ask.py ADDRESS"""

import hashlib
import json
import queue
import sys

import grpc
from v2.nacos.transport.grpcauto import nacos_grpc_service_pb2 as messages

TIMEOUT_S = 10
INSTANCE = {"ip": "10.8.0.1", "port": 80, "weight": 2.0, "healthy": True, "enabled": True}
INSTANCE |= {"ephemeral": True, "clusterName": "DEFAULT", "metadata": {"zone": "a"}}
SERVICE = {"namespace": "public", "serviceName": "asked", "groupName": "DEFAULT_GROUP"}
KEY = {"dataId": "asked", "group": "DEFAULT_GROUP", "tenant": ""}
ONE, TWO = (hashlib.md5(text).hexdigest() for text in (b"one", b"two"))
CALLS = [
    ("health", "HealthCheckRequest", {}),
    ("unknown-type", "NoSuchRequest", {}),
    ("query-nobody", "ServiceQueryRequest", {**SERVICE, "cluster": "", "healthyOnly": False}),
    ("subscribe", "SubscribeServiceRequest", {**SERVICE, "subscribe": True, "clusters": ""}),
    ("register", "InstanceRequest", {**SERVICE, "type": "registerInstance", "instance": INSTANCE}),
    ("register-type", "InstanceRequest", {**SERVICE, "type": "nonsense", "instance": INSTANCE}),
    (
        "register-blank-name",
        "InstanceRequest",
        {**SERVICE, "serviceName": "", "type": "registerInstance", "instance": INSTANCE},
    ),
    (
        "register-bad-ip",
        "InstanceRequest",
        {**SERVICE, "type": "registerInstance", "instance": {**INSTANCE, "ip": "not an ip"}},
    ),
    (
        "register-bad-port",
        "InstanceRequest",
        {**SERVICE, "type": "registerInstance", "instance": {**INSTANCE, "port": 70_000}},
    ),
    (
        "register-bad-cluster",
        "InstanceRequest",
        {**SERVICE, "type": "registerInstance", "instance": {**INSTANCE, "clusterName": "a b"}},
    ),
    (
        "persistent-into-ephemeral",
        "PersistentInstanceRequest",
        {**SERVICE, "type": "registerInstance", "instance": {**INSTANCE, "ephemeral": False}},
    ),
    (
        "batch",
        "BatchInstanceRequest",
        {
            **SERVICE,
            "serviceName": "asked-batch",
            "type": "batchRegisterInstance",
            "instances": [INSTANCE, {**INSTANCE, "port": 81}],
        },
    ),
    ("list", "ServiceListRequest", {**SERVICE, "pageNo": 1, "pageSize": 10}),
    ("unsubscribe", "SubscribeServiceRequest", {**SERVICE, "subscribe": False, "clusters": ""}),
    (
        "deregister",
        "InstanceRequest",
        {**SERVICE, "type": "deregisterInstance", "instance": INSTANCE},
    ),
    ("read-nothing", "ConfigQueryRequest", {**KEY}),
    ("publish", "ConfigPublishRequest", {**KEY, "content": "one"}),
    ("publish-blank", "ConfigPublishRequest", {**KEY, "content": ""}),
    ("publish-bad-name", "ConfigPublishRequest", {**KEY, "dataId": "a b", "content": "x"}),
    ("cas-wrong", "ConfigPublishRequest", {**KEY, "content": "two", "casMd5": TWO}),
    ("cas-right", "ConfigPublishRequest", {**KEY, "content": "two", "casMd5": ONE}),
    (
        "listen-changed",
        "ConfigBatchListenRequest",
        {"listen": True, "configListenContexts": [{**KEY, "md5": ONE}]},
    ),
    (
        "listen-same",
        "ConfigBatchListenRequest",
        {"listen": True, "configListenContexts": [{**KEY, "md5": TWO}]},
    ),
    (
        "listen-absent",
        "ConfigBatchListenRequest",
        {"listen": True, "configListenContexts": [{**KEY, "dataId": "absent", "md5": ""}]},
    ),
    ("remove", "ConfigRemoveRequest", {**KEY}),
    ("remove-again", "ConfigRemoveRequest", {**KEY}),
]


def payload(kind, body):
    wrapped = messages.Payload()
    wrapped.metadata.type = kind
    wrapped.metadata.clientIp = "127.0.0.1"
    wrapped.body.value = json.dumps({"headers": {}, **body}).encode()
    return wrapped


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    channel = grpc.insecure_channel(f"{host}:{int(port) + 1_000}")
    codec = {
        "request_serializer": messages.Payload.SerializeToString,
        "response_deserializer": messages.Payload.FromString,
    }
    unary = channel.unary_unary("/Request/request", **codec)
    stream = channel.stream_stream("/BiRequestStream/requestBiStream", **codec)

    def ask(name, kind, body):
        answer = unary(payload(kind, body), timeout=TIMEOUT_S)
        found = json.loads(answer.body.value)
        print(json.dumps({"call": name, "type": answer.metadata.type, "body": found}), flush=True)

    ask("before-setup", "HealthCheckRequest", {})
    ask("server-check", "ServerCheckRequest", {})
    sent = queue.Queue()
    pushes = stream(iter(sent.get, None))
    setup = {"clientVersion": "Nacos-Java-Client:v3.1.1", "tenant": "", "abilityTable": {}}
    labels = {"source": "sdk", "module": "naming"}
    sent.put(payload("ConnectionSetupRequest", {**setup, "labels": labels}))
    ack = next(pushes)
    print(json.dumps({"call": "setup", "type": ack.metadata.type}), flush=True)
    for each in CALLS:
        ask(*each)
    sent.put(None)


main()
