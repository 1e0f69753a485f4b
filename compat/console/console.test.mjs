// The console of a real server in a real browser: sign-in, every page in both languages and themes,
// live updates, actions, and what must never happen on the way.

import test, { after, before } from "node:test";
import assert from "node:assert/strict";

import {
  LOOKS, PASSWORD, asAdmin, checkAccessible, openBrowser, openPage, rest, signIn, startRialto,
  startUpstream, until, visit,
} from "./harness.mjs";

const PAGES = {
  overview: "/",
  services: "/services",
  service: "/services/public/default/storefront",
  gateway: "/gateway",
  route: "/gateway/routes/shop",
  add: "/gateway/add",
  topology: "/topology",
  events: "/events",
  access: "/access",
};

let rialto;
let upstream;
let browser;

before(async () => {
  rialto = await startRialto("--route", "/shop/**=lb://storefront");
  upstream = await startUpstream();
  browser = await openBrowser();
  await register("storefront", upstream.port);
});

after(async () => {
  await browser?.close();
  upstream?.stop();
  const end = await rialto?.stop();
  assert.equal(end?.code, 0, end?.said);
});

const register = (name, port, more = {}) =>
  rest(rialto, "POST", `/api/v1/services/${name}/instances`,
    { host: "127.0.0.1", port, ttl_ms: 600_000, ...more });

const signedIn = (look, run) => asAdmin(browser, rialto, look, run);

test("a wrong password is refused and the right one leads on", async () => {
  const { page, wrong, close } = await openPage(browser, rialto);
  await page.goto(`${rialto.api}/events?kind=expired`);
  assert.match(page.url(), /\/sign-in\?next=/);
  await checkAccessible(page, "sign-in");
  await page.fill("#user", "admin");
  await page.fill("#password", "wrong");
  await page.click("form.sign-in button");
  await page.waitForSelector("[role=alert]");
  assert.equal(await page.inputValue("#user"), "admin");
  assert.match(page.url(), /\/sign-in$/);
  await page.fill("#password", PASSWORD);
  await page.click("form.sign-in button");
  await page.waitForURL(`${rialto.api}/events?kind=expired`);
  const [cookie] = (await page.context().cookies()).filter(({ name }) => name === "rialto_session");
  assert.ok(cookie.httpOnly && cookie.sameSite === "Strict");
  await page.click("text=Sign out");
  await page.waitForURL(`${rialto.api}/sign-in`);
  await page.goto(`${rialto.api}/services`);
  assert.match(page.url(), /\/sign-in\?next=/);
  assert.deepEqual(wrong, []);
  await close();
});

for (const look of LOOKS) {
  test(`every page in ${look.lang}, ${look.theme}, ${look.width} px`, async () => {
    await signedIn(look, async (page) => {
      for (const [name, path] of Object.entries(PAGES)) {
        await visit(page, rialto, look, name, path,
          /\b(nav|overview|services|route|event|notice)\.[a-z_]+\b/);
      }
    });
  });
}

test("a service that registers appears, and disappears, without a reload", async () => {
  await signedIn({}, async (page) => {
    await page.goto(`${rialto.api}/services?q=late`);
    await page.waitForSelector("[data-lamp][data-state=on]");
    await page.evaluate(() => { window.sameDocument = true; });
    await register("latecomer", 9555);
    await page.waitForSelector("text=latecomer");
    await page.click("a:text('latecomer')");
    await page.waitForSelector("text=127.0.0.1:9555");
    await rest(rialto, "DELETE", "/api/v1/services/latecomer/instances/127.0.0.1:9555");
    await page.goto(`${rialto.api}/services?q=late`);
    await page.evaluate(() => { window.sameDocument = true; });
    await register("latecomer", 9556);
    await page.waitForSelector("a:text('latecomer')");
    await rest(rialto, "DELETE", "/api/v1/services/latecomer/instances/127.0.0.1:9556");
    await page.waitForSelector("a:text('latecomer')", { state: "detached" });
    assert.ok(await page.evaluate(() => window.sameDocument));
  });
});

test("searching keeps the address, and '/' goes to the search box", async () => {
  await register("searched-one", 9601);
  await register("searched-two", 9602);
  await signedIn({}, async (page) => {
    await page.goto(`${rialto.api}/services`);
    await page.waitForSelector("[data-lamp][data-state=on]");
    await page.keyboard.press("/");
    await page.keyboard.type("searched-t");
    await page.waitForSelector("a:text('searched-two')");
    await page.waitForSelector("a:text('searched-one')", { state: "detached" });
    assert.match(page.url(), /\/services\?q=searched-t$/);
    await page.reload();
    assert.equal(await page.locator("tbody tr").count(), 1);
  });
});

test("a route's traffic appears on the gateway, overview and topology", async () => {
  let go = true;
  const traffic = (async () => {
    for (let at = 0; go; at += 1) {
      const path = at % 5 === 0 ? "/shop/fail" : "/shop/ok";
      await fetch(rialto.gateway + path).then((answer) => answer.text());
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  try {
    await signedIn({}, async (page) => {
      await page.goto(`${rialto.api}/gateway`);
      const rate = page.locator("tr[data-key=shop] td").nth(3);
      await until("the rate grows", async () => parseFloat(await rate.innerText()) > 1);
      await page.goto(`${rialto.api}/`);
      await page.waitForSelector("#charts svg .line");
      await page.waitForSelector("#attention a[href='/gateway/routes/shop']");
      await page.goto(`${rialto.api}/topology`);
      await page.waitForSelector(".topology [data-from=gateway][data-to=storefront]",
        { state: "attached" });
      await page.waitForSelector("#calls tr:has-text('storefront')");
    });
  } finally {
    go = false;
    await traffic;
  }
});

test("an instance is taken out of service and brought back, with a reason for others", async () => {
  await register("acted-on", 9701);
  await register("acted-on", 9702);
  await signedIn({}, async (page) => {
    await page.goto(`${rialto.api}/services/public/default/acted-on`);
    const row = page.locator("tr", { hasText: "127.0.0.1:9701" });
    await row.locator("summary", { hasText: "Actions" }).click();
    await checkAccessible(page, "an open menu");
    await row.locator("form").first().locator("input[name=reason]").fill("disk is full");
    await row.locator("button", { hasText: "Take out of service" }).click();
    await page.waitForSelector("[role=status]");
    await page.waitForSelector("text=Partly available");
    await page.waitForSelector("#history :text('disk is full')");
    assert.doesNotMatch(page.url(), /notice/);
    await row.locator("summary", { hasText: "Actions" }).click();
    await row.locator("button", { hasText: "End override" }).click();
    await page.waitForSelector("text=All instances are available");
    const other = page.locator("tr", { hasText: "127.0.0.1:9702" });
    await other.locator("summary", { hasText: "Actions" }).click();
    await other.locator("form").last().locator("input[name=reason]").fill("replaced");
    await other.locator("button", { hasText: "Deregister" }).click();
    await page.waitForSelector("tr:has-text('127.0.0.1:9702')", { state: "detached" });
  });
});

test("a route is added, used, edited and removed", async () => {
  await signedIn({}, async (page) => {
    await page.goto(`${rialto.api}/gateway`);
    await page.click("text=Add route");
    await page.fill("#id", "browser");
    await page.fill("#uri", "nonsense");
    await page.fill("#paths", "/browser/**");
    await page.click("text=Save route");
    await page.waitForSelector("[role=alert]");
    assert.equal(await page.inputValue("#paths"), "/browser/**");
    await page.fill("#uri", "lb://storefront");
    await page.click("text=Save route");
    await page.waitForSelector("[role=status]");
    await until("the gateway uses it", async () =>
      (await fetch(`${rialto.gateway}/browser/x`)).status === 200);
    await page.click("a:text('browser')");
    await page.click("a:text('Edit')");
    await page.fill("#more", '{"filters": [{"name": "StripPrefix", "parts": 1}]}');
    await page.click("text=Save route");
    await page.click("a:text('browser')");
    await page.waitForSelector("pre:has-text('StripPrefix')");
    await page.click("summary:has-text('Remove route')");
    await page.fill("#reason", "test is over");
    await page.click("button:has-text('Remove route')");
    await page.waitForSelector("tr[data-key=browser]", { state: "detached" });
    await until("the gateway forgets it", async () =>
      (await fetch(`${rialto.gateway}/browser/x`)).status === 404);
  });
});

test("events arrive live and can be filtered by kind", async () => {
  await signedIn({}, async (page) => {
    await page.goto(`${rialto.api}/events`);
    await page.waitForSelector("[data-lamp][data-state=on]");
    await register("eventful", 9801);
    await page.waitForSelector("tbody tr:has-text('eventful')");
    await page.selectOption("select[name=kind]", "deregistered");
    await page.waitForSelector("tbody tr:has-text('eventful')", { state: "detached" });
    assert.match(page.url(), /kind=deregistered/);
  });
});

test("theme and language can be switched and stay", async () => {
  await signedIn({ theme: "light" }, async (page) => {
    await page.click("button[value=dark]");
    await page.waitForSelector("html[data-theme=dark]");
    const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(dark, "rgb(13, 16, 21)");
    await page.click("button[value='zh-CN']");
    await page.waitForSelector("html[lang='zh-CN']");
    await page.goto(`${rialto.api}/services`);
    assert.equal(await page.innerText("h1"), "服务");
  });
});

test("without script pages are readable and actions work", async () => {
  await register("plain", 9901);
  const context = await browser.newContext({ javaScriptEnabled: false, locale: "en" });
  const page = await context.newPage();
  await signIn(page, rialto);
  await page.goto(`${rialto.api}/services?q=plain`);
  await page.click("a:text('plain')");
  assert.match(await page.innerText("tbody"), /\d+s ago|now/);
  await page.click("summary:text('Actions')");
  await page.locator("form input[name=reason]").first().fill("no script");
  await page.click("text=Take out of service");
  await page.waitForSelector("text=Taken out of service");
  await context.close();
});
