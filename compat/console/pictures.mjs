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

const SHOP = `server:
  port: 8080
  shutdown: graceful

checkout:
  timeout: 2s
  retries: 2

search:
  results-per-page: 24
  suggestions: true

logging:
  level:
    root: info
    shop.checkout: debug
`;

async function publish(page, dataId, content, tags = "") {
  await page.goto(`${rialto.api}/configuration/add`);
  await page.fill("#data_id", dataId);
  await page.fill("#tags", tags);
  await page.fill("#content", content);
  await page.click("button[value=preview]");
  await page.click("button[value=publish]");
  await page.waitForSelector("[role=status]");
}

/** An edit before it is published, and a configuration with a gray version. */
async function takeConfiguration(page, dark) {
  const item = `${rialto.api}/configuration/public/DEFAULT_GROUP/storefront.yaml`;
  await publish(page, "storefront.yaml", SHOP, "shop,web");
  await page.goto(`${item}/gray`);
  await page.fill("#expression", "10.0.3.11, 10.0.3.12");
  await page.fill("#content", SHOP.replace("retries: 2", "retries: 3\n  hedge-after: 300ms"));
  await page.click("button[value=preview]");
  await page.click("button[value=publish]");
  await page.goto(`${item}/edit`);
  await page.fill("#content", SHOP.replace("2s", "1500ms").replace("  suggestions: true\n", "")
    + "    shop.search: warn\n");
  await page.fill("#tags", "shop,web,fast");
  await page.click("button[value=preview]");
  await page.waitForSelector(".diff .added");
  await page.screenshot({ path: join(dir, "console-preview.png") });
  await page.click("button[value=publish]");
  await take(dark, "/configuration/public/DEFAULT_GROUP/storefront.yaml", "configuration");
}

try {
  await until("the demo gives a password", () => said.includes("password demo-"));
  const [light, dark, chinese] = [await open("light", "en"), await open("dark", "en"),
    await open("dark", "zh-CN")];
  await takeConfiguration(light, dark);
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
