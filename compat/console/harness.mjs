// What the test stands on: a server process, a browser, and the checks that every page must pass.

import { spawn } from "node:child_process";
import { readFileSync, existsSync, mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";

const load = createRequire(join(process.env.MODULES, "x.js"));
const { chromium } = load("playwright-core");
const axe = readFileSync(load.resolve("axe-core/axe.min.js"), "utf8");

export const PASSWORD = "browser-test-password";
const READY_MS_MAX = 30_000;
export const WAIT_MS_MAX = 15_000;

/** Tries until `look` gives something; never sleeps for a fixed time and hopes. */
export async function until(what, look, ms = WAIT_MS_MAX) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < end, `not in ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A server of its own: free ports, a fresh data directory. */
export async function startRialto(...more) {
  const dir = mkdtempSync(join(tmpdir(), "rialto-console-"));
  const ready = join(dir, "ready.json");
  const args = ["serve", "--data", join(dir, "data"), "--ready-file", ready];
  for (const door of ["eureka", "nacos", "gateway", "api"]) args.push("--set", `${door}.listen=127.0.0.1:0`);
  // The server takes every RIALTO_ variable for a setting of its own.
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith("RIALTO_"));
  const env = { ...Object.fromEntries(others), RIALTO_ADMIN_PASSWORD: PASSWORD };
  const child = spawn(process.env.RIALTO_BIN, [...args, ...more], { env });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => { said += text; });
  const doors = await until(`the server is ready; it said: ${said}`, () => {
    assert.equal(child.exitCode, null, said);
    return existsSync(ready) && JSON.parse(readFileSync(ready, "utf8"));
  }, READY_MS_MAX);
  const token = readFileSync(join(dir, "data", "admin.token"), "utf8").trim();
  const stop = async () => {
    const gone = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
    child.kill("SIGTERM");
    const code = await gone;
    rmSync(dir, { recursive: true, force: true });
    return { code, said };
  };
  return { doors, token, stop, api: `http://${doors.api}`, gateway: `http://${doors.gateway}` };
}

/** A call of the REST interface. */
export async function rest(rialto, method, path, body) {
  const answer = await fetch(rialto.api + path, {
    method,
    headers: { authorization: `Bearer ${rialto.token}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? null : answer.json().catch(() => null);
}

/** An instance behind the gateway; `/fail` fails. */
export async function startUpstream() {
  const server = createServer((request, response) => {
    response.statusCode = request.url.includes("fail") ? 500 : 200;
    response.end("hello\n");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: server.address().port, stop: () => server.close() };
}

export async function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** How pages are looked at. */
export const LOOKS = [
  { lang: "en", theme: "light", width: 1400 },
  { lang: "en", theme: "dark", width: 1400 },
  { lang: "zh-CN", theme: "light", width: 1400 },
  { lang: "zh-CN", theme: "dark", width: 360 },
  { lang: "en", theme: "light", width: 360 },
];

/** A page that remembers what must not happen: errors, and requests to anywhere else. */
export async function openPage(browser, rialto, { lang = "en", theme = "light", width = 1400 } = {}) {
  const context = await browser.newContext({
    locale: lang, colorScheme: theme, reducedMotion: "reduce",
    viewport: { width, height: width < 800 ? 800 : 900 },
  });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS_MAX);
  const wrong = [];
  page.on("console", (message) => {
    // Chromium reports answers to a wrong password, a wrong form and a form that came too late,
    // which are asked for here.
    const wanted = /status of (401|409|422)/.test(message.text());
    if (message.type() === "error" && !wanted) wrong.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => wrong.push(`script: ${error.message}`));
  page.on("request", (request) => {
    if (new URL(request.url()).host !== rialto.doors.api) wrong.push(`asked ${request.url()}`);
  });
  return { page, wrong, close: () => context.close() };
}

export async function signIn(page, rialto, password = PASSWORD) {
  await page.goto(`${rialto.api}/sign-in`);
  await page.fill("#user", "admin");
  await page.fill("#password", password);
  await page.click("form.sign-in button");
}

/** Runs with a page that is signed in, and looks afterwards whether all was well. */
export async function asAdmin(browser, rialto, look, run) {
  const { page, wrong, close } = await openPage(browser, rialto, look);
  await signIn(page, rialto);
  await page.waitForURL(`${rialto.api}/`);
  await run(page);
  assert.deepEqual(wrong, []);
  await close();
}

/** Waits until the page hears of changes. */
export const live = (page) => page.waitForSelector("[data-lamp][data-state=on]");

/** Opens a page and checks what every page must be, and that no name of a text is left in it. */
export async function visit(page, rialto, look, name, path, names) {
  const answer = await page.goto(rialto.api + path);
  assert.equal(answer.status(), 200, path);
  assert.equal(await page.getAttribute("html", "lang"), look.lang);
  await page.waitForSelector("main h1");
  if (await page.locator("[data-lamp]").count()) await live(page);
  const text = await page.innerText("body");
  assert.doesNotMatch(text, names, path);
  await checkLook(page, look, path, name);
  return text;
}

/** Checks a page as it stands, and keeps its picture. */
export async function checkLook(page, { lang, theme, width }, where, name) {
  await checkNoSidewaysScroll(page, where);
  await checkAccessible(page, `${where} ${lang} ${theme} ${width}`);
  await picture(page, `${name}-${lang}-${theme}-${width}`);
}

/** Labels, contrast, landmarks, names and roles: axe-core's rules for WCAG 2.1 A and AA. */
export async function checkAccessible(page, where) {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"];
    const result = await window.axe.run(document, { runOnly: tags });
    return result.violations.map((rule) =>
      `${rule.id}: ${rule.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  });
  assert.deepEqual(found, [], `${where} is not accessible`);
}

export async function checkNoSidewaysScroll(page, where) {
  const over = await page.evaluate(() =>
    document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(over <= 0, `${where} scrolls sideways by ${over} px`);
}

export async function picture(page, name) {
  const dir = process.env.PICTURES;
  if (!dir) return;
  mkdirSync(dir, { recursive: true });
  await page.screenshot({ path: join(dir, `${name}.png`) });
}
