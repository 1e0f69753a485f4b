// Subscribes to the service and listens to its keys with the makers' JavaScript client, which
// speaks HTTP v1, then does what its input says, a call a line; every answer and every notice is a
// line of JSON: participant.cjs ADDRESS NAME PORT KEY...

const readline = require('node:readline');
const { NacosConfigClient, NacosNamingClient } = require('nacos');

const SERVICE = 'compat';
const GROUP = 'DEFAULT_GROUP';

const [address, name, port, ...keys] = process.argv.slice(2);
// What the client logs to its standard output is no answer to the driver.
const logger = new console.Console(process.stderr, process.stderr);
logger.info = logger.debug = () => {};

function say(step, ok, found = {}) {
  process.stdout.write(`${JSON.stringify({ step, ok, ...found })}\n`);
}

function hosts(instances) {
  const seen = {};
  for (const { metadata, weight, healthy } of instances) {
    seen[metadata.client] = [weight, metadata.round, healthy];
  }
  return { hosts: seen };
}

async function main() {
  // None sign nobody in.
  const user = { username: process.env.COMPAT_USER, password: process.env.COMPAT_PASSWORD };
  const own = { namespace: '', cacheDir: 'cache' };
  const naming = new NacosNamingClient({ logger, serverList: address, ...user });
  const config = new NacosConfigClient({ serverAddr: address, ...own, ...user });
  await Promise.all([naming.ready(), config.ready()]);
  naming.on('error', (error) => logger.warn(error));
  config.on('error', (error) => logger.warn(error));

  const instance = (weight, round) => ({
    ip: '127.0.0.1',
    port: Number(port),
    weight: Number(weight),
    metadata: { client: name, round },
  });
  const register = (weight, round) => naming.registerInstance(SERVICE, instance(weight, round));
  const calls = {
    register,
    update: register,
    deregister: () => naming.deregisterInstance(SERVICE, instance(1, '')),
    list: async () => hosts(await naming.getAllInstances(SERVICE, GROUP, '', false)),
    publish: (key, value) => config.publishSingle(key, GROUP, value),
    read: async (key) => ({ value: (await config.getConfig(key, GROUP)) ?? '' }),
    remove: (key) => config.remove(key, GROUP),
  };

  naming.subscribe(SERVICE, (instances) => say('seen', true, hosts(instances)));
  for (const key of keys) {
    config.subscribe({ dataId: key, group: GROUP }, (content) => {
      say('heard', true, { key, value: content ?? '' });
    });
  }
  say('ready', true);

  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [step, ...words] = line.split(' ');
    try {
      const found = await calls[step](...words);
      say(step, found !== false, typeof found === 'object' ? found : {});
    } catch (error) {
      say(step, false, { found: String(error) });
    }
  }
  process.exit(0);
}

main();
