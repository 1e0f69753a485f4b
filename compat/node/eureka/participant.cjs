// Registers, renews and fetches every second with eureka-js-client, prints what it sees, and leaves
// when its input ends: participant.cjs URL NAME PORT
'use strict';

const { Eureka } = require('eureka-js-client');

const [url, name, port] = process.argv.slice(2);
const server = new URL(url);
const quiet = () => {};
const client = new Eureka({
  logger: { debug: quiet, info: quiet, warn: console.warn, error: console.error, level: quiet },
  instance: {
    app: name,
    instanceId: `${name}-${port}`,
    hostName: '127.0.0.1',
    ipAddr: '127.0.0.1',
    port: { $: Number(port), '@enabled': true },
    vipAddress: name,
    leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: 10 },
    dataCenterInfo: {
      '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo',
      name: 'MyOwn',
    },
  },
  eureka: {
    host: server.hostname,
    port: server.port,
    servicePath: '/eureka/apps/',
    heartbeatInterval: 1000,
    registryFetchInterval: 1000,
  },
});

let before = '';
const watch = () => {
  const apps = Object.entries(client.cache.app || {});
  const names = apps.filter(([, instances]) => instances.length > 0).map(([app]) => app);
  const now = `seen ${names.sort().join(' ')}`;
  if (now !== before) console.log(now);
  before = now;
};

client.start(() => {});
setInterval(watch, 100);
process.stdin.resume();
process.stdin.on('end', () => {
  client.stop(() => {
    console.log('left');
    process.exit(0);
  });
});
