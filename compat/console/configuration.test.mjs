// Namespaces, configurations and Nacos services on the console of a real server in a real browser,
// with what clients of the Nacos door see of it.

import test, { after, before } from "node:test";
import assert from "node:assert/strict";

import {
  LOOKS, asAdmin, checkAccessible, checkLook, live, openBrowser, signIn, startRialto, until,
  visit,
} from "./harness.mjs";

const GROUP = "DEFAULT_GROUP";
const SHOP = `/configuration/public/${GROUP}/shop.yaml`;
const SHOP_V1 = "server:\n  port: 8080\n\ncheckout:\n  timeout: 3s\n";
const SHOP_V2 = SHOP_V1.replace("3s", "2s");
const PAGES = {
  namespaces: "/namespaces",
  configuration: "/configuration",
  "configuration-none": "/configuration?q=nothing-like-this",
  "configuration-add": "/configuration/add",
  "configuration-import": "/configuration/import",
  "configuration-item": SHOP,
  "configuration-edit": `${SHOP}/edit`,
  "configuration-history": `${SHOP}/history?old=1&new=2`,
  "configuration-version": `${SHOP}/history/1`,
  "configuration-add-gray": `${SHOP}/gray`,
  "configuration-gray": `${SHOP}/gray/beta`,
  "configuration-secret": `/configuration/public/${GROUP}/database.toml`,
  "nacos-service": "/services/public/default/inventory",
};

let rialto;
let browser;
let beats;

before(async () => {
  rialto = await startRialto();
  browser = await openBrowser();
  await publish("shop.yaml", SHOP_V1, { type: "yaml", config_tags: "shop,web" });
  await publish("shop.yaml", SHOP_V2, { type: "yaml", config_tags: "shop,web" });
  await publish("shop.yaml", `${SHOP_V2}  retries: 2\n`, { type: "yaml" }, { betaIps: "10.0.0.7" });
  const instance = new URLSearchParams({ serviceName: "inventory", ip: "10.0.0.9", port: "9090" });
  await nacos("POST", `/v1/ns/instance?${instance}`);
  beats = setInterval(() => nacos("PUT", `/v1/ns/instance/beat?${instance}`), 4_000);
  await signedIn({}, async (page) => {
    await page.goto(`${rialto.api}/configuration/add`);
    await write(page, { data_id: "database.toml", content: "password = \"treasure\"\n" });
    await page.check("#secret");
    await previewAndPublish(page);
  });
});

after(async () => {
  clearInterval(beats);
  await browser?.close();
  const end = await rialto?.stop();
  assert.equal(end?.code, 0, end?.said);
});

/** A call of the Nacos door, as its clients make them. */
async function nacos(method, path, body, headers = {}) {
  const answer = await fetch(`http://${rialto.doors.nacos}/nacos${path}`, { method, body, headers });
  const text = await answer.text();
  assert.ok(answer.ok || answer.status === 404, `${method} ${path}: ${answer.status} ${text}`);
  return answer.ok ? text : null;
}

const publish = (dataId, content, more = {}, headers = {}) =>
  nacos("POST", "/v1/cs/configs", new URLSearchParams({ dataId, group: GROUP, content, ...more }),
    headers);

const read = (dataId, tenant = "") =>
  nacos("GET", `/v1/cs/configs?${new URLSearchParams({ dataId, group: GROUP, tenant })}`);

const signedIn = (look, run) => asAdmin(browser, rialto, look, run);

async function write(page, fields) {
  for (const [name, value] of Object.entries(fields)) await page.fill(`#${name}`, value);
}

async function previewAndPublish(page) {
  await page.click("button[value=preview]");
  await page.click("button[value=publish]");
  await page.waitForSelector("[role=status]");
}

for (const look of LOOKS) {
  test(`every page in ${look.lang}, ${look.theme}, ${look.width} px`, async () => {
    await signedIn(look, async (page) => {
      for (const [name, path] of Object.entries(PAGES)) {
        const text = await visit(page, rialto, look, name, path,
          /\b(nav|draft|gray|history|import|did|secret)\.[a-z_]+\b/);
        assert.doesNotMatch(text, /treasure/, path);
      }
      await page.goto(`${rialto.api}${SHOP}/edit`);
      await write(page, { content: `${SHOP_V2}  retries: 3\n`, tags: "shop" });
      await page.click("button[value=preview]");
      await page.waitForSelector(".diff .added");
      await checkLook(page, look, "preview", "configuration-preview");
    });
  });
}

test("a namespace is created, filled, kept while it is used, and removed", async () => {
  await signedIn({}, async (page) => {
    await page.goto(`${rialto.api}/namespaces`);
    await write(page, { id: "browser-test", name: "Browser test", description: "for a while" });
    await page.click("button[value=create]");
    await page.waitForSelector("[role=status]");
    await page.goto(`${rialto.api}/configuration/add?ns=browser-test`);
    await write(page, { data_id: "inside.yaml", content: "a: 1" });
    await previewAndPublish(page);
    assert.equal(await read("inside.yaml", "browser-test"), "a: 1");
    assert.equal(await read("inside.yaml"), null);
    const row = page.locator("tr[data-key=browser-test]");
    await page.goto(`${rialto.api}/namespaces`);
    await row.locator("summary").click();
    await checkAccessible(page, "an open menu");
    await row.locator("text=cannot be removed").waitFor();
    await row.locator("input[name=name]").fill("Renamed");
    await row.locator("button[value=rename]").click();
    await page.waitForSelector("tr[data-key=browser-test] :text('Renamed')");
    await page.goto(`${rialto.api}/configuration?ns=browser-test`);
    await page.click("a:text('inside.yaml')");
    await page.click("summary:has-text('Remove configuration')");
    await page.fill("#reason", "the test is over");
    await page.click("button:has-text('Remove configuration')");
    await page.waitForSelector("text=Its history stays for 30 days");
    assert.equal(await read("inside.yaml", "browser-test"), null);
    await page.goto(`${rialto.api}/namespaces`);
    await row.locator("summary").click();
    await row.locator("button[value=remove]").click();
    await row.waitFor({ state: "detached" });
  });
});

test("what a client publishes appears in the list and on its page without a reload", async () => {
  await signedIn({}, async (page) => {
    await page.goto(`${rialto.api}/configuration?q=late`);
    await live(page);
    await page.evaluate(() => { window.sameDocument = true; });
    await publish("late.yaml", "a: 1");
    await page.waitForSelector("a:text('late.yaml')");
    assert.ok(await page.evaluate(() => window.sameDocument));
    await page.click("a:text('late.yaml')");
    await live(page);
    await page.evaluate(() => { window.sameDocument = true; });
    await publish("late.yaml", "a: from-a-client");
    await page.waitForSelector(".code :text('from-a-client')");
    assert.equal(await page.locator("#history li").count(), 2);
    assert.ok(await page.evaluate(() => window.sameDocument));
  });
});

test("filters keep the address and find contents and tags", async () => {
  await signedIn({}, async (page) => {
    await page.goto(`${rialto.api}/configuration`);
    await live(page);
    await page.fill("input[name=text]", "timeout: 2s");
    await page.waitForSelector("a:text('database.toml')", { state: "detached" });
    await page.waitForSelector("a:text('shop.yaml')");
    assert.match(page.url(), /text=timeout/);
    await page.fill("input[name=tag]", "nobody-has-this");
    await page.waitForSelector("text=No configuration matches");
    await page.reload();
    await page.waitForSelector("text=No configuration matches");
  });
});

test("an edit is previewed, and another's publish is never replaced unseen", async () => {
  await publish("shared.yaml", "a: 1\nb: 2\n");
  await signedIn({}, async (page) => {
    await page.goto(`${rialto.api}/configuration/public/${GROUP}/shared.yaml/edit`);
    assert.equal(await page.innerText(".gutter"), "1\n2\n3");
    await page.fill("#content", "a: mine\nb: 2\n");
    await page.click("button[value=preview]");
    await page.waitForSelector(".diff .added :text('mine')");
    assert.equal(await read("shared.yaml"), "a: 1\nb: 2\n");
    await publish("shared.yaml", "a: theirs\nb: 2\n");
    await page.click("button[value=publish]");
    await page.waitForSelector("[role=alert]:has-text('while you were writing')");
    await page.waitForSelector(".diff .removed :text('theirs')");
    assert.equal(await read("shared.yaml"), "a: theirs\nb: 2\n");
    await page.click("button[value=edit]");
    assert.equal(await page.inputValue("#content"), "a: mine\nb: 2\n");
    await previewAndPublish(page);
    assert.equal(await read("shared.yaml"), "a: mine\nb: 2\n");
  });
});

test("two versions are compared and an earlier one is published again", async () => {
  for (const at of [1, 2, 3]) await publish("versions.yaml", `value: number-${at}\n`);
  await signedIn({}, async (page) => {
    await page.goto(`${rialto.api}/configuration/public/${GROUP}/versions.yaml`);
    await page.click("a:text('History')");
    await page.locator("input[name=old]").last().check();
    await page.locator("input[name=new]").first().check();
    await page.click("button:text('Compare')");
    await page.waitForSelector(".diff .removed :text('1')");
    await page.waitForSelector(".diff .added :text('3')");
    await page.locator("#versions tbody a").last().click();
    await page.waitForSelector(".code :text('number-1')");
    await page.click("button:has-text('Roll back')");
    await page.waitForSelector("text=published again");
    assert.equal(await read("versions.yaml"), "value: number-1\n");
  });
});

test("a gray version is started, given to all, and another is stopped", async () => {
  await publish("gray.yaml", "a: 1\n");
  const item = `${rialto.api}/configuration/public/${GROUP}/gray.yaml`;
  await signedIn({}, async (page) => {
    await page.goto(`${item}/gray`);
    await write(page, { expression: "127.0.0.1", content: "a: gray\n" });
    await previewAndPublish(page);
    assert.equal(await read("gray.yaml"), "a: gray\n", "this client has the address");
    await page.click("button:has-text('Give it to all')");
    await page.waitForSelector("text=Everybody sees this version now");
    await page.waitForSelector(".code :text('gray')");
    await page.click("a:text('Start one')");
    await page.selectOption("#rule", "tag");
    await write(page, { expression: "blue", content: "a: blue\n" });
    await previewAndPublish(page);
    const tagged = `/v1/cs/configs?dataId=gray.yaml&group=${GROUP}&tag=blue`;
    assert.equal(await nacos("GET", tagged), "a: blue\n");
    await page.click("button:has-text('Stop it')");
    await page.waitForSelector("text=The gray version has ended");
    assert.equal(await nacos("GET", tagged), null);
  });
});

test("a secret is shown when asked for, and asking is an event", async () => {
  await signedIn({}, async (page) => {
    await page.goto(`${rialto.api}/configuration/public/${GROUP}/database.toml`);
    assert.doesNotMatch(await page.content(), /treasure/);
    await page.click("button:has-text('Show the content')");
    await page.waitForSelector(".code :text('treasure')");
    await page.goto(`${rialto.api}/events?kind=configuration_changed`);
    await page.waitForSelector("td:has-text('secret shown by admin')");
  });
});

test("configurations are carried out and in as a file", async () => {
  await publish("carried.yaml", "a: carried\n", { type: "yaml" });
  await signedIn({}, async (page) => {
    await page.goto(`${rialto.api}/configuration?q=carried`);
    const [download] = await Promise.all([
      page.waitForEvent("download"), page.click("a:text('Export these')"),
    ]);
    const file = await download.path();
    await publish("carried.yaml", "a: changed\n", { type: "yaml" });
    await page.goto(`${rialto.api}/configuration/import`);
    const bring = async (policy) => {
      await page.setInputFiles("#file", { name: "c.zip", mimeType: "application/zip",
        buffer: await import("node:fs").then((fs) => fs.readFileSync(file)) });
      await page.check(`#policy-${policy}`);
      await page.click("button:text('Import')");
    };
    await bring("skip");
    await page.waitForSelector("text=0 published, 1 left out, 0 failed");
    await bring("overwrite");
    await page.waitForSelector("text=1 published, 0 left out, 0 failed");
    assert.equal(await read("carried.yaml"), "a: carried\n");
  });
});

test("weight and traffic of a Nacos instance are changed for its clients", async () => {
  const host = async () =>
    JSON.parse(await nacos("GET", "/v1/ns/instance/list?serviceName=inventory")).hosts[0];
  await signedIn({}, async (page) => {
    await page.goto(`${rialto.api}/services?protocol=nacos`);
    await page.click("a:text('inventory')");
    const row = page.locator("tr", { hasText: "10.0.0.9:9090" });
    await row.locator("summary", { hasText: "Actions" }).click();
    await checkAccessible(page, "an open menu of a Nacos instance");
    await row.locator("input[name=weight]").fill("0.5");
    await row.locator("button[value=weight]").click();
    await page.waitForSelector("[role=status]");
    await until("clients see the weight", async () => (await host()).weight === 0.5);
    await row.locator("summary", { hasText: "Actions" }).click();
    await row.locator("form").first().locator("input[name=reason]").fill("disk is full");
    await row.locator("button[value=out_of_service]").click();
    await page.waitForSelector("tr :text('Out of service')");
    await until("clients see it no more", async () => (await host()) === undefined);
    await row.locator("summary", { hasText: "Actions" }).click();
    await row.locator("button[value=end_override]").click();
    await until("clients see it again", async () => (await host()) !== undefined);
  });
});

test("without script everything is readable and publishing works", async () => {
  await publish("plain.yaml", "a: 1\n");
  const context = await browser.newContext({ javaScriptEnabled: false, locale: "en" });
  const page = await context.newPage();
  await signIn(page, rialto);
  await page.goto(`${rialto.api}/configuration?q=plain`);
  await page.click("a:text('plain.yaml')");
  await page.waitForSelector(".code :text('a: 1')");
  await page.click("a:text('Edit')");
  await page.fill("#content", "a: without-script\n");
  await page.click("button[value=preview]");
  await page.waitForSelector(".diff .added");
  await page.click("button[value=publish]");
  await page.waitForSelector("text=Everybody who listens has been told");
  assert.equal(await read("plain.yaml"), "a: without-script\n");
  await page.click("a:text('History')");
  await page.click("button:text('Compare')");
  await page.waitForSelector(".diff .removed");
  await context.close();
});
