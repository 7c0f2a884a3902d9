import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as p from '../page.mjs';

const FIRST = 'the-first-token-0123456789';
const SECOND = 'another-token-9876543210';

function tokenFile(folder, token) {
  const file = join(folder, 'token');
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  return ['--token-file', file];
}

/** A server that needs a token asks for it, and asks again when it has changed. */
export const token = {
  name: 'token',
  prepare: (folder) => tokenFile(folder, FIRST),
  async run({ page, server, shot }) {
    await page.goto(server.url);
    const field = page.getByLabel('This server needs its token');
    await field.waitFor();
    await shot('token_door');
    await field.fill('not the token');
    await page.keyboard.press('Enter');
    await page.getByText('That is not it.').waitFor();
    await field.fill(FIRST);
    await page.keyboard.press('Enter');
    await page.locator('.state', { hasText: 'Ready' }).waitFor();
    await p.becomes(() => new URL(page.url()).search, '', 'the token stays in the address');
    await p.choosePicture(page);
    await p.setSize(page, 64, 2);
    await p.run(page);
    await p.finished(page);

    // With another token, the page that is open asks for it itself.
    await server.restart(tokenFile(server.folder, SECOND));
    const dialog = page.getByRole('dialog', { name: 'This server needs its token' });
    await dialog.waitFor();
    await shot('token_dialog');
    await dialog.getByLabel('Token').fill('nor is this');
    await dialog.getByRole('button', { name: 'Open' }).click();
    await dialog.getByText('That is not it.').waitFor();
    await dialog.getByLabel('Token').fill(SECOND);
    await dialog.getByRole('button', { name: 'Open' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.locator('.state', { hasText: 'Ready' }).waitFor();
    await p.run(page);
    await page.locator('.thumb').nth(1).waitFor();
    await p.finished(page);
  },
};
