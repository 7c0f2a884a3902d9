import * as p from '../page.mjs';

/** The server is killed in mid-run and comes back: the page says so, and goes on. */
export const serverAway = {
  name: 'server_away',
  async run({ page, server, shot }) {
    await p.open(page, server);
    await p.choosePicture(page);
    await p.setSize(page, 64, 2);
    await p.run(page);
    await p.finished(page);
    await p.setSize(page, 256, 4000);
    await p.run(page);
    await p.pastStep(page, 1);
    await server.kill();
    await page.getByRole('alert').getByText('The server is away').waitFor();
    await shot('server_away');
    await p.run(page);
    await page.getByText('The server cannot be reached').waitFor();
    await server.restart();
    await page.getByText('The server is away').waitFor({ state: 'detached' });
    await p.pastStep(page, 0);
    await p.becomes(() => page.locator('.thumb').count(), 1);
    await page.locator('.stage').getByRole('button', { name: 'Stop', exact: true }).click();
    await page.locator('.told', { hasText: 'Stopped' }).waitFor();
  },
};
