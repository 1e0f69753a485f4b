// Takes the documentation's pictures of the console from a running demo:
// compat/console/run PATH_TO_RIALTO --pictures docs/images

import { spawn } from "node:child_process";
import { join } from "node:path";

import { openBrowser, signIn, until } from "./harness.mjs";

const OFFSET = 4300;
const ACTS_MS_MAX = 180_000;
const dir = process.argv[2];
const doors = { api: `127.0.0.1:${7000 + OFFSET}` };
const rialto = { doors, api: `http://${doors.api}` };

const others = Object.entries(process.env).filter(([name]) => !name.startsWith("RIALTO_"));
const demo = spawn(process.env.RIALTO_BIN, ["demo", "--plain", "--port-offset", String(OFFSET)],
  { env: Object.fromEntries(others), stdio: ["ignore", "pipe", "inherit"] });
let said = "";
demo.stdout.on("data", (text) => { said += text; });
const browser = await openBrowser();

async function open(theme, lang) {
  const viewport = { width: 1400, height: 860 };
  const context = await browser.newContext({ viewport, colorScheme: theme, locale: lang });
  const page = await context.newPage();
  await signIn(page, rialto, said.match(/password (demo-[0-9a-f]+)/)[1]);
  await page.waitForURL(`${rialto.api}/`);
  return page;
}

async function take(page, path, name) {
  await page.goto(rialto.api + path);
  await page.waitForSelector("[data-lamp][data-state=on]");
  // The second look of the stream has come, too: times and leases are the script's.
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(dir, `console-${name}.png`) });
}

try {
  await until("the demo gives a password", () => said.includes("password demo-"));
  const [light, dark, chinese] = [await open("light", "en"), await open("dark", "en"),
    await open("dark", "zh-CN")];
  await until("an instance is slow", () => said.includes("Act 4"), ACTS_MS_MAX);
  await take(light, "/topology", "topology");
  await take(light, "/services/public/default/stock", "service");
  await until("the gateway is overloaded", () => said.includes("Act 5"), ACTS_MS_MAX);
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  await take(light, "/", "overview-light");
  await take(dark, "/", "overview-dark");
  await take(chinese, "/services", "services");
} finally {
  await browser.close();
  demo.kill("SIGINT");
}
