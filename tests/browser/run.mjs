// Tests of the page in a real browser against a real server:
//   node run.mjs EASEL MODELS_DIR SCREENSHOT_DIR [CASE ...]
// Exits with 0 when all pass, 1 when one fails, 77 when they cannot be run here (the reason is printed).
// $EASEL_PAGE may name the folder of the built page: the program must then hold that one.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cases } from './cases/all.mjs';
import { settled } from './page.mjs';
import { startServer } from './server.mjs';

const SKIPPED = 77;
const PHONE = { width: 390, height: 844 };
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

function skip(reason) {
  console.log(`SKIPPED: ${reason}`);
  process.exit(SKIPPED);
}

const [easel, models, screenshots] = process.argv.slice(2, 5).map((path) => resolve(path));
const chosen = process.argv.slice(5);
if (!screenshots) {
  console.error(`usage: node ${fileURLToPath(import.meta.url)} EASEL MODELS_DIR SCREENSHOT_DIR [CASE ...]`);
  process.exit(2);
}
if (!existsSync(CHROMIUM)) skip(`there is no ${CHROMIUM} (Debian: apt-get install chromium)`);
if (!existsSync(easel)) skip(`there is no ${easel}`);
if (!existsSync(models)) skip(`there are no models in ${models}`);
const playwright = await import('playwright-core').catch(() => undefined);
if (!playwright) skip('playwright-core is not installed (npm ci in tests/browser)');
mkdirSync(screenshots, { recursive: true });

const browser = await playwright.chromium.launch({
  executablePath: CHROMIUM,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});

// What the browser says of itself when a request is refused or the server is away: the page says it better.
const EXPECTED = /Failed to load resource|WebSocket connection to|net::ERR_/;

/** What is wrong with the page that the program holds; nothing when it is the one to test. */
async function pageFault() {
  const server = await startServer(easel, models);
  try {
    const shown = await (await fetch(server.url)).text();
    if (!shown.includes('id="app"')) return 'it was built without the page, or building that failed';
    const built = process.env.EASEL_PAGE && resolve(process.env.EASEL_PAGE, 'index.html');
    if (built && existsSync(built) && readFileSync(built, 'utf8') !== shown) return 'it holds another page than web/dist';
    return undefined;
  } finally {
    await server.stop();
  }
}

async function runCase(test) {
  const server = await startServer(easel, models, test.prepare).catch((error) => {
    test.end?.();
    throw error;
  });
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, colorScheme: 'dark', ...test.context });
  context.setDefaultTimeout(Number(process.env.BROWSER_TIMEOUT_MS ?? 60000));
  const complaints = [];
  context.on('page', (page) => {
    page.on('pageerror', (error) => complaints.push(String(error.stack ?? error)));
    page.on('console', (message) => {
      const bad = message.type() === 'error' || message.type() === 'warning';
      if (bad && !EXPECTED.test(message.text())) complaints.push(message.text());
    });
  });
  const page = await context.newPage();
  const shot = async (name, of = page) => {
    await settled(of);
    await of.screenshot({ path: `${screenshots}/${name}.png` });
  };
  // Both themes, as wide as the window is and as wide as a telephone.
  const looks = async (name) => {
    const wide = page.viewportSize();
    for (const [size, suffix] of [[wide, ''], [PHONE, '_phone']]) {
      if (suffix) await page.setViewportSize(size);
      for (const colorScheme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme });
        await shot(`${name}${suffix}_${colorScheme}`);
      }
    }
    await page.setViewportSize(wide);
    await page.emulateMedia({ colorScheme: 'dark' });
  };
  try {
    await test.run({ page, context, server, shot, looks });
    if (complaints.length > 0) throw new Error(`the browser complained:\n  ${complaints.join('\n  ')}`);
  } catch (error) {
    await shot(`failed_${test.name}`).catch(() => undefined);
    console.log(server.log().split('\n').slice(-15).join('\n'));
    throw error;
  } finally {
    await context.close();
    await server.stop();
    test.end?.();
  }
}

const unusable = await pageFault();
if (unusable) {
  console.log(`FAILED  ${easel}: ${unusable} (./dev build, or npm ci && npm run build in web/ and build again)`);
  await browser.close();
  process.exit(1);
}
let failed = 0;
const start = Date.now();
for (const test of cases) {
  if (chosen.length > 0 && !chosen.includes(test.name)) continue;
  const unable = test.unable?.();
  if (unable) {
    console.log(`left out ${test.name}: ${unable}`);
    continue;
  }
  const begin = Date.now();
  try {
    await runCase(test);
    console.log(`ok      ${test.name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${test.name}\n${error.stack ?? error}`);
  }
}
await browser.close();
const seconds = ((Date.now() - start) / 1000).toFixed(0);
console.log(`${failed === 0 ? 'All passed' : `${failed} failed`}, ${seconds} s. Screenshots: ${screenshots}`);
process.exit(failed === 0 ? 0 : 1);
